/* SPDX-License-Identifier: MIT */
/* Host test of the kernel command line. */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "boot_tags.h"
#include "check.h"
#include "cmdline.h"

static bool is(const char *line, const char *key, const char *expected) {
    size_t length = 0;
    const char *value = cmdline_find(line, key, &length);
    if (value == NULL || expected == NULL) {
        return value == NULL && expected == NULL;
    }
    return length == strlen(expected) && memcmp(value, expected, length) == 0;
}

static void test_words_of_a_line(void) {
    CHECK(is("heap=1000 seed=ab", "heap", "1000"));
    CHECK(is("heap=1000 seed=ab", "seed", "ab"));
    CHECK(is("gcheap=5", "heap", NULL));
    CHECK(is("xheap=1 heap=2", "heap", "2"));
    CHECK(is("  heap=7  ", "heap", "7"));
    CHECK(is("heap=", "heap", ""));
    CHECK(is("heap", "heap", NULL));
    CHECK(is("", "heap", NULL));
}

static void test_the_boot_parameter_tags(void) {
    static const char text[] = "heap=4096 main=0x10 bad=12x";
    struct {
        uint16_t first[2];
        uint16_t line[2];
        char text[sizeof(text) + sizeof(text) % 2];
        uint16_t last[2];
    } tags = {{0x7b0b, 0}, {0x1001, sizeof(tags.text)}, "", {0x7e0b, 0}};
    memcpy(tags.text, text, sizeof(text));
    boot_tags_read(NULL);
    CHECK(cmdline_number("heap", 5) == 5);
    boot_tags_read(&tags);
    CHECK(cmdline_number("heap", 5) == 4096);
    CHECK(cmdline_number("main", 1) == 16);
    CHECK(cmdline_number("bad", 3) == 3);
    CHECK(cmdline_number("none", 9) == 9);
}

static bool decodes(const char *text, const char *expected) {
    char out[12];
    int length = cmdline_decode(text, strlen(text), out, sizeof(out));
    if (length < 0 || expected == NULL) {
        return length < 0 && expected == NULL;
    }
    return (size_t)length == strlen(expected) && memcmp(out, expected, length) == 0;
}

static void test_percent_encoding(void) {
    CHECK(decodes("", ""));
    CHECK(decodes("MyNetwork", "MyNetwork"));
    CHECK(decodes("a%20b%25", "a b%"));
    CHECK(decodes("%c3%BC", "\xc3\xbc"));
    CHECK(decodes("twelve-bytes", "twelve-bytes"));
    CHECK(decodes("thirteen-byte", NULL));
    CHECK(decodes("100%", NULL));
    CHECK(decodes("%2", NULL));
    CHECK(decodes("%g0", NULL));
}

int main(void) {
    test_words_of_a_line();
    test_percent_encoding();
    test_the_boot_parameter_tags();
    return 0;
}
