/* SPDX-License-Identifier: MIT */
#include "cycles.h"

#define ETHERNET_HEADER 14
#define TYPE_ARP 0x0806
#define TYPE_IPV4 0x0800
#define IPV4_LEAST 20
#define PROTOCOL_TCP 6
#define TCP_LEAST 20
#define TCP_FIN_SYN_RST 0x07

volatile bench_work_t bench_work;
static bool has_content; /* a frame with content came since the processor woke */

static void count(void) {
    uint32_t cycles = bench_work_cycles();
    if (has_content) {
        bench_work.cycles += cycles;
    } else {
        bench_work.housekeeping += cycles;
    }
}

void bench_work_start(uint32_t frequency) {
    bench_work = (bench_work_t){.frequency = frequency};
    has_content = true;
}

void bench_work_sleep(void) {
    count();
    bench_work.asleep = 1;
}

void bench_work_wake(void) {
    has_content = false;
    bench_work.asleep = 0;
}

void bench_work_event(void) {
    if (bench_work.frequency == 0) {
        return;
    }
    count();
    bench_work.at_event = bench_work.cycles + bench_work.housekeeping;
}

void bench_work_frame(const uint8_t *frame, size_t length) {
    bench_work.frames++;
    if (!has_content && bench_frame_has_content(frame, length)) {
        has_content = true;
    }
}

static unsigned big_endian(const uint8_t *bytes) { return bytes[0] << 8 | bytes[1]; }

bool bench_frame_has_content(const uint8_t *frame, size_t length) {
    if (length < ETHERNET_HEADER || big_endian(frame + 12) == TYPE_ARP) {
        return false;
    }
    const uint8_t *ip = frame + ETHERNET_HEADER;
    if (length < ETHERNET_HEADER + IPV4_LEAST || big_endian(frame + 12) != TYPE_IPV4 ||
        ip[9] != PROTOCOL_TCP) {
        return true;
    }
    size_t ip_header = (ip[0] & 15) * 4;
    if (length < ETHERNET_HEADER + ip_header + TCP_LEAST) {
        return true;
    }
    const uint8_t *tcp = ip + ip_header;
    return big_endian(ip + 2) > ip_header + (tcp[12] >> 4) * 4 || (tcp[13] & TCP_FIN_SYN_RST) != 0;
}
