/* SPDX-License-Identifier: MIT */
/* Host test of a request's framing: Content-Length, Transfer-Encoding and folded lines. */
#include "webserver/http/framing.h"

#include <string.h>

#include "check.h"

/* headers: "name\0value\0..."; the literal's own NUL ends the list. */
#define STATUS(headers) http_framing(headers, false).status

static bool folds(const char *head) {
    size_t length = strlen(head);
    http_fold_t whole = {0}, bytes = {0};
    bool found = http_fold_found(&whole, (const uint8_t *)head, length), piecewise = false;
    for (size_t i = 0; i < length && !piecewise; i++) {
        piecewise = http_fold_found(&bytes, (const uint8_t *)head + i, 1);
    }
    CHECK(found == piecewise);
    return found;
}

int main(void) {
    /* no body, and a body of a known length */
    CHECK(STATUS("") == 0 && !http_framing("", false).chunked);
    CHECK(STATUS("content-length\0"
                 "5\0") == 0 &&
          STATUS("content-length\0"
                 "5 \t\0") == 0);
    CHECK(!http_framing("content-length\0"
                        "5\0",
                        false)
               .chunked);
    CHECK(STATUS("content-length\0"
                 "5\0content-length\0"
                 "5\0") == 400);
    CHECK(STATUS("content-length\0"
                 "5, 5\0") == 400 &&
          STATUS("content-length\0"
                 "5 5\0") == 400);
    CHECK(STATUS("content-length\0+5\0") == 400 && STATUS("content-length\0-5\0") == 400);
    CHECK(STATUS("content-length\0"
                 "0x5\0") == 400 &&
          STATUS("content-length\0\0") == 400);

    /* chunked alone */
    CHECK(http_framing("transfer-encoding\0chunked\0", false).chunked);
    CHECK(http_framing("transfer-encoding\0ChUnKeD \t\0", false).chunked);
    CHECK(http_framing("transfer-encoding\0, chunked ,\0", false).chunked);
    CHECK(STATUS("transfer-encoding\0chunked\0") == 0);

    /* not final: the body's length is unknown */
    CHECK(STATUS("transfer-encoding\0\0") == 400 && STATUS("transfer-encoding\0,\0") == 400);
    CHECK(STATUS("transfer-encoding\0identity\0") == 400);
    CHECK(STATUS("transfer-encoding\0cow\0") == 400);
    CHECK(STATUS("transfer-encoding\0chunkedx\0") == 400);
    CHECK(STATUS("transfer-encoding\0xchunked\0") == 400);
    CHECK(STATUS("transfer-encoding\0chunked x\0") == 400);
    CHECK(STATUS("transfer-encoding\0chunked, gzip\0") == 400);
    CHECK(STATUS("transfer-encoding\0chunked\0transfer-encoding\0identity\0") == 400);
    CHECK(STATUS("transfer-encoding\0chunked\0transfer-encoding\0cow\0") == 400);

    /* twice, and with parameters */
    CHECK(STATUS("transfer-encoding\0chunked, chunked\0") == 400);
    CHECK(STATUS("transfer-encoding\0chunked\0transfer-encoding\0chunked\0") == 400);
    CHECK(STATUS("transfer-encoding\0chunked;foo=bar\0") == 400);
    CHECK(STATUS("transfer-encoding\0chunked ;foo=bar\0") == 400);

    /* another coding before chunked */
    CHECK(STATUS("transfer-encoding\0gzip, chunked\0") == 501);
    CHECK(STATUS("transfer-encoding\0identity\0transfer-encoding\0chunked\0") == 501);

    CHECK(http_framing("transfer-encoding\0chunked\0", true).status == 400);
    CHECK(STATUS("content-length\0"
                 "5\0transfer-encoding\0chunked\0") == 400);
    CHECK(http_framing("content-length\0"
                       "5\0",
                       true)
              .status == 0);
    CHECK(strlen(http_framing("transfer-encoding\0cow\0", false).what) > 0);

    CHECK(!folds("\r\nGET / HTTP/1.1\r\nA: b\r\nC:\td\r\n\r\n body"));
    CHECK(!folds("GET / HTTP/1.1\nA: b\n\n body"));
    CHECK(folds("GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n"));
    CHECK(folds("GET / HTTP/1.1\r\nA:\r\n\tc\r\n\r\n"));
    CHECK(folds("GET / HTTP/1.1\r\n A: b\r\n\r\n"));
    CHECK(folds("GET / HTTP/1.1\r\nA: b\r\n \r\n\r\n"));
    return 0;
}
