/* SPDX-License-Identifier: MIT */
/* Host test of the work counter: which frames have content, and how cycles are attributed. */
#include <string.h>

#include "bench/cycles.h"
#include "check.h"

#define ACK 0x10
#define FIN 0x01
#define SYN 0x02
#define RST 0x04

static uint32_t now, counted;

uint32_t bench_work_cycles(void) {
    uint32_t cycles = now - counted;
    counted = now;
    return cycles;
}

/* An Ethernet frame with a TCP segment; padded to 60 bytes, as short ones are. */
static size_t segment(uint8_t *frame, uint8_t flags, size_t data) {
    memset(frame, 0, 128);
    memcpy(frame + 12, "\x08\x00\x45\x00", 4);
    frame[17] = 40 + data;
    frame[23] = 6;
    frame[14 + 20 + 12] = 5 << 4;
    frame[14 + 20 + 13] = flags;
    return 54 + data < 60 ? 60 : 54 + data;
}

static void test_what_has_content(void) {
    uint8_t frame[128];
    CHECK(!bench_frame_has_content(frame, segment(frame, ACK, 0)));
    CHECK(bench_frame_has_content(frame, segment(frame, ACK, 1)));
    CHECK(bench_frame_has_content(frame, segment(frame, ACK | FIN, 0)));
    CHECK(bench_frame_has_content(frame, segment(frame, SYN, 0)));
    CHECK(bench_frame_has_content(frame, segment(frame, RST, 0)));
    size_t length = segment(frame, ACK, 0);
    frame[23] = 17; /* UDP */
    CHECK(bench_frame_has_content(frame, length));
    frame[13] = 0x06; /* ARP */
    CHECK(!bench_frame_has_content(frame, length));
}

static void test_cut_frames_are_only_read_as_far_as_they_go(void) {
    uint8_t frame[128];
    segment(frame, ACK, 0);
    CHECK(!bench_frame_has_content(frame, 13));
    CHECK(bench_frame_has_content(frame, 33) && bench_frame_has_content(frame, 53));
    frame[14] = 0x4f; /* an IP header of 60 bytes */
    CHECK(bench_frame_has_content(frame, 60));
}

static void test_whose_cycles_go_where(void) {
    uint8_t frame[128];
    bench_work_event(); /* before the start nothing is counted */
    CHECK(bench_work.at_event == 0);
    bench_work_start(40000000);
    now = 100;
    bench_work_event();
    CHECK(bench_work.frequency == 40000000 && bench_work.at_event == 100);
    now = 150;
    bench_work_sleep();
    CHECK(bench_work.cycles == 150 && bench_work.asleep);
    counted = now = 1000; /* slept */
    bench_work_wake();
    CHECK(!bench_work.asleep);
    bench_work_frame(frame, segment(frame, ACK, 0));
    now = 1010;
    bench_work_sleep();
    CHECK(bench_work.cycles == 150 && bench_work.housekeeping == 10);
    bench_work_wake();
    bench_work_frame(frame, segment(frame, ACK, 9));
    bench_work_frame(frame, segment(frame, ACK, 0));
    now = 1030;
    bench_work_sleep();
    CHECK(bench_work.cycles == 170 && bench_work.housekeeping == 10 && bench_work.frames == 3);
}

int main(void) {
    test_what_has_content();
    test_cut_frames_are_only_read_as_far_as_they_go();
    test_whose_cycles_go_where();
    return 0;
}
