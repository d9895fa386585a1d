/* SPDX-License-Identifier: MIT */
/* Host test of base64 in both directions. */
#include "webserver/text/base64.h"

#include <string.h>

#include "check.h"

int main(void) {
    /* RFC 4648, section 10 */
    static const char *const plain[] = {"", "f", "fo", "foo", "foob", "fooba", "foobar"};
    static const char *const coded[] = {"",         "Zg==",     "Zm8=",    "Zm9v",
                                        "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
    unsigned char out[16];
    for (int i = 0; i < 7; i++) {
        int length = base64_decode(coded[i], strlen(coded[i]), out, sizeof(out));
        CHECK(length == (int)strlen(plain[i]) && memcmp(out, plain[i], (size_t)length) == 0);
        char text[BASE64_LENGTH(6) + 1];
        base64_encode((const uint8_t *)plain[i], strlen(plain[i]), text);
        CHECK(strcmp(text, coded[i]) == 0);
    }
    CHECK(base64_decode("Zm9v", 4, out, 2) == BASE64_TOO_LONG);
    CHECK(base64_decode("Zm9vY", 5, out, sizeof(out)) == BASE64_INVALID);
    CHECK(base64_decode("Zm 9", 4, out, sizeof(out)) == BASE64_INVALID);
    CHECK(base64_decode("/+8=", 4, out, sizeof(out)) == 2 && out[0] == 0xff && out[1] == 0xef);
    CHECK(base64_decode("Zg", 2, out, sizeof(out)) == 1 && out[0] == 'f'); /* without padding */
    CHECK(base64_decode("Zg\0=", 4, out, sizeof(out)) == BASE64_INVALID);
    return 0;
}
