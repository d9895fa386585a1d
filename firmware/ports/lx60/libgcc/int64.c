/* SPDX-License-Identifier: MIT */
/*
 * 64-bit multiplication and division for the LX106, which Debian's libgcc leaves to the ESP8266's
 * ROM. Names and semantics are those of GCC's "Integer library routines".
 */
#include <stdint.h>

/* Provided by libgcc. */
uint64_t __udivmoddi4(uint64_t dividend, uint64_t divisor, uint64_t *rest);

uint64_t __udivdi3(uint64_t dividend, uint64_t divisor);
uint64_t __umoddi3(uint64_t dividend, uint64_t divisor);
int64_t __divdi3(int64_t dividend, int64_t divisor);
uint64_t __muldi3(uint64_t a, uint64_t b);

uint64_t __udivdi3(uint64_t dividend, uint64_t divisor) {
    return __udivmoddi4(dividend, divisor, 0);
}

uint64_t __umoddi3(uint64_t dividend, uint64_t divisor) {
    uint64_t rest;
    __udivmoddi4(dividend, divisor, &rest);
    return rest;
}

int64_t __divdi3(int64_t dividend, int64_t divisor) {
    uint64_t quotient = __udivmoddi4(dividend < 0 ? -(uint64_t)dividend : (uint64_t)dividend,
                                     divisor < 0 ? -(uint64_t)divisor : (uint64_t)divisor, 0);
    return (dividend ^ divisor) < 0 ? (int64_t)-quotient : (int64_t)quotient;
}

/* 32 x 32 bits to 64: the core's multiplier only returns 32 bits */
static uint64_t multiply_words(uint32_t a, uint32_t b) {
    uint32_t a0 = a & 0xffff, a1 = a >> 16, b0 = b & 0xffff, b1 = b >> 16;
    uint32_t low = a0 * b0, cross1 = a0 * b1, cross2 = a1 * b0;
    uint32_t middle = (low >> 16) + (cross1 & 0xffff) + (cross2 & 0xffff);
    uint32_t high = a1 * b1 + (cross1 >> 16) + (cross2 >> 16) + (middle >> 16);
    return (uint64_t)high << 32 | middle << 16 | (low & 0xffff);
}

uint64_t __muldi3(uint64_t a, uint64_t b) {
    uint32_t a0 = (uint32_t)a, a1 = (uint32_t)(a >> 32);
    uint32_t b0 = (uint32_t)b, b1 = (uint32_t)(b >> 32);
    return multiply_words(a0, b0) + ((uint64_t)(a0 * b1 + a1 * b0) << 32);
}
