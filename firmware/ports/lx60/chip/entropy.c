/* SPDX-License-Identifier: MIT */
/*
 * Random bytes from a 256-bit seed of the host: SHA-256 in counter mode with a key that is replaced
 * after each request, so that past output cannot be computed from the present state.
 *
 * The key depends on the number of starts since power-on, so a reset never repeats earlier bytes. A
 * power-on with the same seed does, which makes runs reproducible.
 */
#include "entropy.h"

#include <stdint.h>
#include <string.h>

#include "board.h"
#include "clock.h"
#include "cmdline.h"
#include "lib/crypto-algorithms/sha256.h"
#include "retained.h"

#define KEY_BYTES SHA256_BLOCK_SIZE

static uint8_t key[KEY_BYTES];
static uint32_t counter;

static void derive(uint8_t *out, const char *purpose, const void *data, size_t length) {
    CRYAL_SHA256_CTX context;
    sha256_init(&context);
    sha256_update(&context, key, sizeof(key));
    sha256_update(&context, (const uint8_t *)purpose, strlen(purpose));
    sha256_update(&context, data, length);
    sha256_final(&context, out);
}

static bool parse_seed(uint8_t *seed) {
    size_t length;
    const char *text = cmdline_text("seed", &length);
    if (text == NULL || length != 2 * KEY_BYTES) {
        return false;
    }
    for (size_t i = 0; i < KEY_BYTES; i++) {
        int high = cmdline_hex_digit(text[2 * i]), low = cmdline_hex_digit(text[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        seed[i] = high << 4 | low;
    }
    return true;
}

bool entropy_init(void) {
    bool seeded = parse_seed(key);
    uint32_t start[2] = {retained_starts(), seeded ? 0 : clock_cycles()};
    uint8_t mixed[KEY_BYTES];
    derive(mixed, "start", start, sizeof(start));
    memcpy(key, mixed, sizeof(key));
    return seeded;
}

int board_entropy(unsigned char *out, size_t length) {
    uint8_t block[KEY_BYTES];
    while (length > 0) {
        size_t part = length < sizeof(block) ? length : sizeof(block);
        counter++;
        derive(block, "output", &counter, sizeof(counter));
        memcpy(out, block, part);
        out += part;
        length -= part;
    }
    derive(block, "next", &counter, sizeof(counter));
    memcpy(key, block, sizeof(key));
    return 0;
}
