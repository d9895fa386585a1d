/* SPDX-License-Identifier: MIT */
/*
 * On the emulated ESP32, a reset of the MAC clears its registers but does not lower its interrupt
 * line (open_eth_reset() in QEMU's opencores_eth.c), and the interrupt matrix keeps the line's
 * level (esp32_intc.c; the ESP32-C3's matrix does not). If the machine is reset while the guest has
 * not yet handled a received frame, the line is high with no source to clear, and the driver's
 * handler is called forever as soon as it is installed. Only a change of the sources lowers the
 * line, and the guest can only cause one by transmitting. So transmit one frame that no host
 * accepts, and clear its interrupt.
 */
#include "stale_interrupt.h"

#if defined(__XTENSA__) && !defined(WITHOUT_STALE_INTERRUPT)

#include <stdint.h>

#include "sdkconfig.h"
#include "soc/soc.h"

/* The OpenCores Ethernet MAC's registers and bits, as in ESP-IDF's private openeth.h and
 * esp_openeth.h: a chip without a MAC of its own has it in an unused address range. */
#ifdef CONFIG_IDF_TARGET_ESP32S3
#define DR_REG_EMAC_BASE 0x600CD000
#endif
#define MODER (DR_REG_EMAC_BASE + 0x00)
#define MODER_DEFAULT 0xa000 /* without it, the driver does not recognize the MAC */
#define MODER_TXEN BIT(1)
#define MODER_RST BIT(11)
#define INT_SOURCE (DR_REG_EMAC_BASE + 0x04)
#define INT_MASK (DR_REG_EMAC_BASE + 0x08)
#define INT_TXB BIT(0)
#define TX_FLAGS (DR_REG_EMAC_BASE + 0x400) /* the first descriptor */
#define TX_BUFFER (DR_REG_EMAC_BASE + 0x404)
#define TX_WRAP BIT(13)
#define TX_IRQ BIT(14)
#define TX_READY BIT(15)
#define TX_LENGTH_SHIFT 16

static void reset_mac(void) {
    REG_WRITE(MODER, MODER_RST);
    REG_WRITE(MODER, MODER_DEFAULT);
}

void stale_interrupt_clear(void) {
    /* From and to address 0, with the EtherType for local experiments (IEEE 802). Not const, as the
     * MAC reads RAM only. */
    static uint8_t frame[60] = {[12] = 0x88, [13] = 0xb5};
    reset_mac();
    REG_WRITE(INT_MASK, INT_TXB);
    REG_WRITE(TX_BUFFER, (uint32_t)frame);
    REG_WRITE(TX_FLAGS, sizeof(frame) << TX_LENGTH_SHIFT | TX_READY | TX_IRQ | TX_WRAP);
    REG_WRITE(MODER, MODER_DEFAULT | MODER_TXEN); /* QEMU transmits within this write */
    REG_WRITE(INT_SOURCE, INT_TXB);
    REG_WRITE(TX_FLAGS, 0);
    reset_mac();
}

#else

void stale_interrupt_clear(void) {}

#endif
