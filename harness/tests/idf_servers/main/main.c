/* SPDX-License-Identifier: MIT */
/* ESP-IDF's own servers, as test_idf_corner_cases.py looks at them: HTTPS on 443 that closes no
 * session for a newer one, and HTTP on 80 that does, with a handler that answers asynchronously. */
#include <stdio.h>
#include <stdlib.h>

#include "esp_http_server.h"
#include "esp_https_server.h"
#include "esp_timer.h"
#include "freertos/FreeRTOS.h"
#include "freertos/queue.h"
#include "freertos/task.h"
#include "memory.h"
#include "network.h"

#define SESSIONS 4
#define LATER_MS 3000 /* from the moment when every session waits */
#define TURN_MS 1000  /* how long the program may be kept from running unnoticed */
#define BALLAST_MS 2000

extern const unsigned char certificate[] asm("_binary_servercert_pem_start");
extern const unsigned char certificate_end[] asm("_binary_servercert_pem_end");
extern const unsigned char key[] asm("_binary_prvtkey_pem_start");
extern const unsigned char key_end[] asm("_binary_prvtkey_pem_end");

static QueueHandle_t waiting; /* of httpd_req_t * */

static esp_err_t hello(httpd_req_t *request) { return httpd_resp_sendstr(request, "hello\n"); }

static esp_err_t later(httpd_req_t *request) {
    httpd_req_t *copy;
    esp_err_t error = httpd_req_async_handler_begin(request, &copy);
    if (error == ESP_OK) {
        xQueueSend(waiting, &copy, portMAX_DELAY);
    }
    return error;
}

/* GET /memory answers how many bytes are free; GET /memory?leave=N leaves N of them for a while. */
static esp_err_t memory(httpd_req_t *request) {
    char query[32], value[16], answer[16];
    if (httpd_req_get_url_query_str(request, query, sizeof(query)) == ESP_OK &&
        httpd_query_key_value(query, "leave", value, sizeof(value)) == ESP_OK) {
        memory_leave(strtoul(value, NULL, 10), BALLAST_MS);
    }
    snprintf(answer, sizeof(answer), "%u", (unsigned)memory_free());
    return httpd_resp_sendstr(request, answer);
}

/* Answers all requests once there are as many as sessions. */
static void answer_later(void *unused) {
    (void)unused;
    for (;;) {
        httpd_req_t *requests[SESSIONS];
        for (int i = 0; i < SESSIONS; i++) {
            xQueueReceive(waiting, &requests[i], portMAX_DELAY);
        }
        printf("all sessions wait\n");
        vTaskDelay(pdMS_TO_TICKS(LATER_MS));
        for (int i = 0; i < SESSIONS; i++) {
            httpd_resp_sendstr(requests[i], "later\n");
            httpd_req_async_handler_complete(requests[i]);
        }
    }
}

static void serve(httpd_handle_t server) {
    static const httpd_uri_t uris[] = {
        {.uri = "/hello", .method = HTTP_GET, .handler = hello},
        {.uri = "/later", .method = HTTP_GET, .handler = later},
        {.uri = "/memory", .method = HTTP_GET, .handler = memory},
    };
    for (size_t i = 0; i < sizeof(uris) / sizeof(uris[0]); i++) {
        ESP_ERROR_CHECK(httpd_register_uri_handler(server, &uris[i]));
    }
}

static void start_http(void) {
    httpd_config_t config = HTTPD_DEFAULT_CONFIG();
    config.max_open_sockets = SESSIONS;
    config.lru_purge_enable = true;
    httpd_handle_t server;
    ESP_ERROR_CHECK(httpd_start(&server, &config));
    serve(server);
}

static void start_https(void) {
    httpd_ssl_config_t config = HTTPD_SSL_CONFIG_DEFAULT();
    config.httpd.max_open_sockets = SESSIONS;
    config.httpd.lru_purge_enable = false;
    config.servercert = certificate;
    config.servercert_len = certificate_end - certificate;
    config.prvtkey_pem = key;
    config.prvtkey_len = key_end - key;
    httpd_handle_t server;
    ESP_ERROR_CHECK(httpd_ssl_start(&server, &config));
    serve(server);
}

/* The program: it says for how long it was kept from running. */
static void watch(void) {
    int64_t last = esp_timer_get_time();
    for (;;) {
        vTaskDelay(1);
        int64_t now = esp_timer_get_time();
        unsigned ms = (now - last) / 1000;
        if (ms >= TURN_MS) {
            printf("no turn for %u ms\n", ms);
        }
        last = now;
    }
}

void app_main(void) {
    waiting = xQueueCreate(SESSIONS, sizeof(httpd_req_t *));
    memory_start();
    network_start();
    start_http();
    start_https();
    /* Above the servers, whose priority is 5, so that it can end what they do. */
    xTaskCreate(answer_later, "answer_later", 4096, NULL, tskIDLE_PRIORITY + 6, NULL);
    printf("both servers listen\n");
    watch();
}
