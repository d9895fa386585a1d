/* SPDX-License-Identifier: MIT */
#include "network.h"

#include "esp_eth.h"
#include "esp_eth_mac_openeth.h"
#include "esp_event.h"
#include "esp_netif.h"
#include "freertos/FreeRTOS.h"
#include "freertos/semphr.h"

static SemaphoreHandle_t has_address;

static void on_address(void *unused, esp_event_base_t base, int32_t event, void *data) {
    (void)unused;
    (void)base;
    (void)event;
    (void)data;
    xSemaphoreGive(has_address);
}

void network_start(void) {
    has_address = xSemaphoreCreateBinary();
    ESP_ERROR_CHECK(esp_netif_init());
    ESP_ERROR_CHECK(esp_event_loop_create_default());
    esp_netif_config_t netif_config = ESP_NETIF_DEFAULT_ETH();
    esp_netif_t *netif = esp_netif_new(&netif_config);

    eth_mac_config_t mac_config = ETH_MAC_DEFAULT_CONFIG();
    eth_phy_config_t phy_config = ETH_PHY_DEFAULT_CONFIG();
    phy_config.phy_addr = 1; /* where the emulated DP83848 answers */
    phy_config.reset_gpio_num = -1;
    phy_config.autonego_timeout_ms = 100;
    esp_eth_config_t config = ETH_DEFAULT_CONFIG(esp_eth_mac_new_openeth(&mac_config),
                                                 esp_eth_phy_new_dp83848(&phy_config));
    esp_eth_handle_t driver;
    ESP_ERROR_CHECK(esp_eth_driver_install(&config, &driver));
    ESP_ERROR_CHECK(esp_netif_attach(netif, esp_eth_new_netif_glue(driver)));
    ESP_ERROR_CHECK(esp_event_handler_register(IP_EVENT, IP_EVENT_ETH_GOT_IP, on_address, NULL));
    ESP_ERROR_CHECK(esp_eth_start(driver));
    xSemaphoreTake(has_address, portMAX_DELAY);
}
