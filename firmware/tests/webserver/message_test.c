/* SPDX-License-Identifier: MIT */
/* Host test of the text of HTTP messages: header lists, tokens, response heads. */
#include "webserver/http/message.h"

#include <string.h>
#include <time.h>

#include "check.h"

static void formats(const http_head_t *head, const char *want) {
    char text[256];
    CHECK(http_format_head(head, text, sizeof text) == strlen(want));
    CHECK(strcmp(text, want) == 0);
}

int main(void) {
    const char headers[] = "host\0a\0x-empty\0\0host\0b\0";
    unsigned count;
    CHECK(strcmp(http_header(headers, "host", &count), "a") == 0 && count == 2);
    CHECK(strcmp(http_header(headers, "x-empty", &count), "") == 0 && count == 1);
    CHECK(http_header(headers, "hos", NULL) == NULL && http_header("", "host", NULL) == NULL);

    CHECK(http_has_token("keep-alive, Upgrade", "upgrade"));
    CHECK(http_has_token("Upgrade", "upgrade") && http_has_token(" ,\tUPGRADE , x", "upgrade"));
    CHECK(!http_has_token("upgrades", "upgrade") && !http_has_token("no-upgrade", "upgrade"));
    CHECK(!http_has_token("", "upgrade") && !http_has_token(NULL, "upgrade"));

    const char lines[] = "connection\0keep-alive\0x\0upgrade\0connection\0Upgrade\0";
    CHECK(http_lists_token(lines, "connection", "keep-alive"));
    CHECK(http_lists_token(lines, "connection", "upgrade"));
    CHECK(!http_lists_token(lines, "connection", "close") && !http_lists_token("", "x", "upgrade"));

    CHECK(http_is_token("X-Name", 6) && http_is_token("!#$%&'*+-.^_`|~09azAZ", 21));
    CHECK(!http_is_token("", 0) && !http_is_token("a b", 3) && !http_is_token("a:", 2));
    CHECK(!http_is_token("a\0b", 3) && !http_is_token("a\x7f", 2) && !http_is_token("\xe4", 1));
    CHECK(http_is_field_value("a \t\xe4", 4) && http_is_field_value("", 0));
    CHECK(!http_is_field_value("a\r\nb", 4) && !http_is_field_value("a\0b", 3));
    CHECK(!http_is_field_value("\x1b", 1) && !http_is_field_value("\x7f", 1));
    CHECK(http_is_framing_field("Content-Length", 14) && http_is_framing_field("CONNECTION", 10));
    CHECK(http_is_framing_field("transfer-encoding", 17) && !http_is_framing_field("Content", 7));

    char date[HTTP_DATE_SIZE];
    http_date(784111777, date);
    CHECK(strcmp(date, "Sun, 06 Nov 1994 08:49:37 GMT") == 0); /* of RFC 9110 */
    http_date(0, date);
    CHECK(strcmp(date, "Thu, 01 Jan 1970 00:00:00 GMT") == 0);
    http_date(951827696, date);
    CHECK(strcmp(date, "Tue, 29 Feb 2000 12:34:56 GMT") == 0);
    http_date(UINT32_MAX, date);
    CHECK(strcmp(date, "Sun, 07 Feb 2106 06:28:15 GMT") == 0);
    for (uint32_t day = 0; day < 49710; day += 7) { /* against the C library */
        char want[HTTP_DATE_SIZE];
        time_t seconds = (time_t)day * 86400 + day;
        strftime(want, sizeof want, "%a, %d %b %Y %H:%M:%S GMT", gmtime(&seconds));
        http_date((uint32_t)seconds, date);
        CHECK(strcmp(date, want) == 0);
    }

    http_head_t head = {
        .status = 200, .content_type = "text/plain", .length = 5, .keep_alive = true};
    formats(&head, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\n");
    head.http_1_0 = true;
    formats(&head, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n"
                   "Connection: keep-alive\r\n\r\n");
    head = (http_head_t){.status = 204, .extra_headers = "A: b\r\n"};
    formats(&head, "HTTP/1.1 204 No Content\r\nConnection: close\r\nA: b\r\n\r\n");
    head.date = 784111777;
    formats(&head, "HTTP/1.1 204 No Content\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                   "Connection: close\r\nA: b\r\n\r\n");
    head.extra_headers = "A: b\r\ndate: x\r\n"; /* of the handler */
    formats(&head, "HTTP/1.1 204 No Content\r\nConnection: close\r\nA: b\r\ndate: x\r\n\r\n");
    head = (http_head_t){.status = 599, .keep_alive = true};
    formats(&head, "HTTP/1.1 599 Status\r\nContent-Length: 0\r\n\r\n");
    head = (http_head_t){.status = 200, .delimited = BODY_CHUNKED, .keep_alive = true};
    formats(&head, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    head.status = 304;
    formats(&head, "HTTP/1.1 304 Not Modified\r\n\r\n");
    head = (http_head_t){.status = 200, .delimited = BODY_UNTIL_CLOSE, .http_1_0 = true};
    formats(&head, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
    char small[16];
    CHECK(http_format_head(&head, small, sizeof small) > sizeof small);
    CHECK(!http_status_has_body(101) && !http_status_has_body(304) && http_status_has_body(404));
    return 0;
}
