/* SPDX-License-Identifier: MIT */
#include "network.h"

#include "esp_err.h"
#include "esp_eth.h"
#include "esp_event.h"
#include "esp_netif.h"
#include "freertos/FreeRTOS.h"
#include "freertos/semphr.h"

static SemaphoreHandle_t s_has_address;

static void on_address(void *context, esp_event_base_t base, int32_t id, void *data) {
    xSemaphoreGive(s_has_address);
}

void network_start(void) {
    s_has_address = xSemaphoreCreateBinary();
    assert(s_has_address != NULL);
    ESP_ERROR_CHECK(esp_netif_init());
    ESP_ERROR_CHECK(esp_event_loop_create_default());
    ESP_ERROR_CHECK(esp_event_handler_register(IP_EVENT, IP_EVENT_ETH_GOT_IP, on_address, NULL));

    esp_netif_config_t netif_config = ESP_NETIF_DEFAULT_ETH();
    esp_netif_t *netif = esp_netif_new(&netif_config);
    assert(netif != NULL);

    eth_mac_config_t mac_config = ETH_MAC_DEFAULT_CONFIG();
    /* On two cores ESP-IDF's driver can lose an interrupt, unless its task stays on one. */
    mac_config.flags |= ETH_MAC_FLAG_PIN_TO_CORE;
    eth_phy_config_t phy_config = ETH_PHY_DEFAULT_CONFIG();
    phy_config.autonego_timeout_ms = 100;
    esp_eth_mac_t *mac = esp_eth_mac_new_openeth(&mac_config);
    esp_eth_phy_t *phy = esp_eth_phy_new_dp83848(&phy_config);
    assert(mac != NULL && phy != NULL);

    esp_eth_config_t config = ETH_DEFAULT_CONFIG(mac, phy);
    esp_eth_handle_t handle;
    ESP_ERROR_CHECK(esp_eth_driver_install(&config, &handle));
    ESP_ERROR_CHECK(esp_netif_attach(netif, esp_eth_new_netif_glue(handle)));
    ESP_ERROR_CHECK(esp_eth_start(handle));
    xSemaphoreTake(s_has_address, portMAX_DELAY);
}
