#include "origin.h"

#include "check.h"

int main(void) {
    static const char list[] = "https://device.local\0http://10.0.0.5:8080\0";
    CHECK(origin_allowed(NULL, "http://evil.example") && origin_allowed(list, NULL));
    CHECK(origin_allowed(list, "https://device.local") &&
          origin_allowed(list, "HTTPS://Device.Local"));
    CHECK(origin_allowed(list, "http://10.0.0.5:8080"));
    CHECK(!origin_allowed(list, "http://device.local")); /* another scheme */
    CHECK(!origin_allowed(list, "http://10.0.0.5"));     /* another port */
    CHECK(!origin_allowed(list, "https://device.local.evil.example"));
    CHECK(!origin_allowed(list, "https://device.loca") && !origin_allowed(list, ""));
    CHECK(!origin_allowed(list, "null") && !origin_allowed("", "https://device.local"));
    CHECK(origin_allowed("*\0", "http://evil.example") && origin_allowed("null\0", "null"));

    CHECK(origin_entry_valid("https://a") && origin_entry_valid("http://a:80"));
    CHECK(origin_entry_valid("*") && origin_entry_valid("null"));
    CHECK(!origin_entry_valid("") && !origin_entry_valid("device.local"));
    CHECK(!origin_entry_valid("https://a/") && !origin_entry_valid("https://"));
    CHECK(!origin_entry_valid("://a") && !origin_entry_valid("https://a b"));
    return 0;
}
