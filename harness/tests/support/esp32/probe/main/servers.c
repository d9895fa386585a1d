/* SPDX-License-Identifier: MIT */
#include "servers.h"

#include <assert.h>
#include <unistd.h>

#include "esp_err.h"
#include "esp_http_server.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "lwip/sockets.h"

#define TCP_PORT 8266
#define UDP_PORT 5353

static esp_err_t say_hello(httpd_req_t *request) { return httpd_resp_sendstr(request, "hello\n"); }

static int bound(int type, uint16_t port) {
    int fd = socket(AF_INET, type, 0);
    assert(fd >= 0);
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_ANY),
    };
    int failed = bind(fd, (struct sockaddr *)&address, sizeof(address));
    assert(!failed);
    (void)failed;
    return fd;
}

/** Echo each connection's bytes until it ends, one connection at a time. */
static void echo_tcp(void *argument) {
    int listener = (int)argument;
    static char bytes[256];
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0) {
            vTaskDelay(pdMS_TO_TICKS(100)); /* no memory, for example */
            continue;
        }
        ssize_t length;
        while ((length = recv(fd, bytes, sizeof(bytes), 0)) > 0)
            if (send(fd, bytes, (size_t)length, 0) != length)
                break;
        close(fd);
    }
}

static void echo_udp(void *argument) {
    int fd = (int)argument;
    static char bytes[256];
    for (;;) {
        struct sockaddr_in from;
        socklen_t size = sizeof(from);
        ssize_t length = recvfrom(fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&from, &size);
        if (length >= 0)
            sendto(fd, bytes, (size_t)length, 0, (struct sockaddr *)&from, size);
    }
}

static void start_task(TaskFunction_t function, const char *name, int fd) {
    BaseType_t created = xTaskCreate(function, name, 3072, (void *)fd, 4, NULL);
    assert(created == pdPASS);
    (void)created;
}

void servers_start(void) {
    httpd_handle_t server;
    httpd_config_t config = HTTPD_DEFAULT_CONFIG();
    ESP_ERROR_CHECK(httpd_start(&server, &config));
    httpd_uri_t hello = {.uri = "/", .method = HTTP_GET, .handler = say_hello};
    ESP_ERROR_CHECK(httpd_register_uri_handler(server, &hello));

    int listener = bound(SOCK_STREAM, TCP_PORT);
    int failed = listen(listener, 2);
    assert(!failed);
    (void)failed;
    start_task(echo_tcp, "echo_tcp", listener);
    start_task(echo_udp, "echo_udp", bound(SOCK_DGRAM, UDP_PORT));
}
