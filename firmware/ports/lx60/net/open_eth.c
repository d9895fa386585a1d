/* SPDX-License-Identifier: MIT */
#include "open_eth.h"

#include "registers.h"

#define MODER (LX60_ETHERNET + 0x00)
#define INT_SOURCE (LX60_ETHERNET + 0x04)
#define INT_MASK (LX60_ETHERNET + 0x08)
#define PACKETLEN (LX60_ETHERNET + 0x18)
#define TX_BD_NUM (LX60_ETHERNET + 0x20)
#define MIICOMMAND (LX60_ETHERNET + 0x2c)
#define MIIADDRESS (LX60_ETHERNET + 0x30)
#define MIISTATUS (LX60_ETHERNET + 0x3c)
#define MAC_ADDR0 (LX60_ETHERNET + 0x40)
#define MAC_ADDR1 (LX60_ETHERNET + 0x44)
#define DESCRIPTORS (LX60_ETHERNET + 0x400)

#define MODER_RXEN 0x0001
#define MODER_TXEN 0x0002
#define MODER_RST 0x0800
#define MODER_CRCEN 0x2000
#define MODER_PAD 0x8000

#define INT_RXB 0x04
#define INT_BUSY 0x10
#define INT_ALL 0x7f

/* minimum and maximum frame size in bytes */
#define PACKETLEN_DEFAULT 0x00400600

/* LINKFAIL in MIISTATUS is updated when a register of the PHY is read (QEMU's has address 1) */
#define MIIADDRESS_PHY1_STATUS 0x0101
#define MIICOMMAND_READ 0x02
#define MIISTATUS_LINKFAIL 0x01

#define TX_READY 0x8000
#define TX_WRAP 0x2000
#define TX_PAD 0x1000
#define TX_CRC 0x0800
#define RX_EMPTY 0x8000
#define RX_INTERRUPT 0x4000
#define RX_WRAP 0x2000

#define CHECKSUM_BYTES 4
#define BUFFER_BYTES 1536

/* The MAC has 128 descriptors. Receive buffers are outside of the network heap: the ESP32's free
 * memory does not include its own either. A burst of connections fits. */
#define TX_BUFFERS 16
#define RX_BUFFERS 96

const uint8_t open_eth_mac[6] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56};

static uint8_t tx[TX_BUFFERS][BUFFER_BYTES] __attribute__((aligned(4)));
static uint8_t rx[RX_BUFFERS][BUFFER_BYTES] __attribute__((aligned(4)));
static unsigned tx_next, rx_next;

static uint32_t descriptor(unsigned index) { return DESCRIPTORS + index * 8; }

static void give_to_mac(unsigned index) {
    uint32_t flags = RX_EMPTY | RX_INTERRUPT | (index == RX_BUFFERS - 1 ? RX_WRAP : 0);
    register_write(descriptor(TX_BUFFERS + index), flags);
}

bool open_eth_init(void) {
    /* without the NIC, QEMU ignores writes and reads return zeros */
    register_write(PACKETLEN, PACKETLEN_DEFAULT);
    if (register_read(PACKETLEN) != PACKETLEN_DEFAULT) {
        return false;
    }
    const uint8_t *mac = open_eth_mac;
    register_write(MODER, MODER_RST);
    register_write(MODER, 0);
    register_write(PACKETLEN, PACKETLEN_DEFAULT);
    register_write(TX_BD_NUM, TX_BUFFERS);
    register_write(MAC_ADDR0,
                   (uint32_t)mac[2] << 24 | (uint32_t)mac[3] << 16 | mac[4] << 8 | mac[5]);
    register_write(MAC_ADDR1, mac[0] << 8 | mac[1]);
    for (unsigned i = 0; i < TX_BUFFERS; i++) {
        register_write(descriptor(i), i == TX_BUFFERS - 1 ? TX_WRAP : 0);
        register_write(descriptor(i) + 4, (uint32_t)tx[i]);
    }
    for (unsigned i = 0; i < RX_BUFFERS; i++) {
        register_write(descriptor(TX_BUFFERS + i) + 4, (uint32_t)rx[i]);
        give_to_mac(i);
    }
    tx_next = rx_next = 0;
    register_write(INT_SOURCE, INT_ALL);
    register_write(INT_MASK, INT_RXB | INT_BUSY);
    register_write(MODER, MODER_PAD | MODER_CRCEN | MODER_TXEN | MODER_RXEN);
    return true;
}

void open_eth_stop(void) {
    register_write(INT_MASK, 0);
    register_write(MODER, 0);
}

bool open_eth_link(void) {
    register_write(MIIADDRESS, MIIADDRESS_PHY1_STATUS);
    register_write(MIICOMMAND, MIICOMMAND_READ);
    return !(register_read(MIISTATUS) & MIISTATUS_LINKFAIL);
}

const uint8_t *open_eth_frame(size_t *length) {
    uint32_t state = register_read(descriptor(TX_BUFFERS + rx_next));
    if (state & RX_EMPTY) {
        /* Acknowledge the interrupt and check again: otherwise a frame that arrives between the
         * check and the acknowledgement would lose its interrupt and wait for the next one. */
        register_write(INT_SOURCE, INT_ALL);
        state = register_read(descriptor(TX_BUFFERS + rx_next));
        if (state & RX_EMPTY) {
            return NULL;
        }
    }
    *length = state >> 16 > CHECKSUM_BYTES ? (state >> 16) - CHECKSUM_BYTES : 0;
    return rx[rx_next];
}

void open_eth_release(void) {
    give_to_mac(rx_next);
    rx_next = (rx_next + 1) % RX_BUFFERS;
}

uint8_t *open_eth_buffer(void) {
    while (register_read(descriptor(tx_next)) & TX_READY) {
    }
    return tx[tx_next];
}

void open_eth_send(size_t length) {
    register_write(descriptor(tx_next), length << 16 | TX_READY | TX_PAD | TX_CRC |
                                            (tx_next == TX_BUFFERS - 1 ? TX_WRAP : 0));
    tx_next = (tx_next + 1) % TX_BUFFERS;
}
