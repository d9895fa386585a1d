/* SPDX-License-Identifier: MIT */
#include "open_eth.h"

#include <stdlib.h>
#include <string.h>

#include "esp_eth.h"
#include "esp_eth_mac_openeth.h"
#include "esp_mac.h"
#include "rx_buffer.h"
#include "stale_interrupt.h"

/* The emulated DP83848 answers at address 1 only. */
#define PHY_ADDRESS 1
#define PHY_STATUS_REGISTER 1 /* BMSR, IEEE 802.3 clause 22.2.4.2 */
#define PHY_LINK_STATUS 0x0004

#define RX_STACK_BYTES 5120 /* its task runs lwIP, too */

uint8_t open_eth_mac[6];

static esp_eth_handle_t handle;
static open_eth_input_t take;

static esp_err_t on_frame(esp_eth_handle_t driver, uint8_t *frame, uint32_t length, void *unused) {
    (void)driver;
    (void)unused;
    take(frame, length);
    return ESP_OK;
}

/* When the link goes down, the driver disables the MAC. Enabled again, the MAC restarts at its
 * first descriptor (as in QEMU's opencores_eth.c) while the driver continues at its last, and
 * nothing is received until they happen to meet. So the MAC stays enabled. */
static esp_err_t (*switch_mac)(esp_eth_mac_t *mac, eth_link_t link);

static esp_err_t switch_on_once(esp_eth_mac_t *mac, eth_link_t link) {
    static bool on;
    esp_err_t error = on || link == ETH_LINK_DOWN ? ESP_OK : switch_mac(mac, link);
    on |= link == ETH_LINK_UP && error == ESP_OK;
    return error;
}

static esp_eth_handle_t install(void) {
    eth_mac_config_t mac_config = ETH_MAC_DEFAULT_CONFIG();
    /* On a different core than its task, the driver's interrupt handler clears interrupts that it
     * has not seen, and connections stall for seconds. */
    mac_config.flags |= ETH_MAC_FLAG_PIN_TO_CORE;
    mac_config.rx_task_stack_size = RX_STACK_BYTES;
    eth_phy_config_t phy_config = ETH_PHY_DEFAULT_CONFIG();
    phy_config.phy_addr = PHY_ADDRESS;
    phy_config.reset_gpio_num = -1;
    phy_config.autonego_timeout_ms = 100;
    stale_interrupt_clear();
    esp_eth_mac_t *mac = esp_eth_mac_new_openeth(&mac_config);
    esp_eth_phy_t *phy = esp_eth_phy_new_dp83848(&phy_config);
    esp_eth_handle_t driver = NULL;
    esp_eth_config_t config = ETH_DEFAULT_CONFIG(mac, phy);
    if (mac == NULL || phy == NULL) {
        return NULL;
    }
    switch_mac = mac->set_link;
    mac->set_link = switch_on_once;
    if (esp_eth_driver_install(&config, &driver) != ESP_OK) {
        return NULL;
    }
    return driver;
}

bool open_eth_start(open_eth_input_t input) {
    take = input;
    handle = install();
    return handle != NULL && rx_buffer_find_driver() &&
           esp_read_mac(open_eth_mac, ESP_MAC_ETH) == ESP_OK &&
           esp_eth_ioctl(handle, ETH_CMD_S_MAC_ADDR, open_eth_mac) == ESP_OK &&
           esp_eth_update_input_path(handle, on_frame, NULL) == ESP_OK &&
           esp_eth_start(handle) == ESP_OK;
}

bool open_eth_send(const void *frame, size_t length) {
    return esp_eth_transmit(handle, (void *)frame, length) == ESP_OK;
}

bool open_eth_link(void) {
    uint32_t status = 0;
    esp_eth_phy_reg_rw_data_t read = {.reg_addr = PHY_STATUS_REGISTER, .reg_value_p = &status};
    return esp_eth_ioctl(handle, ETH_CMD_READ_PHY_REG, &read) == ESP_OK &&
           (status & PHY_LINK_STATUS) != 0;
}
