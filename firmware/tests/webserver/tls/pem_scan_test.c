/* SPDX-License-Identifier: MIT */
/* Host test of the look for certificates and keys in a PEM file. */
#include "webserver/tls/pem_scan.h"

#include <string.h>

#include "check.h"

#define CERT "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
#define KEY "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"

static bool normalizes(const char *text, const char *expected) {
    char copy[128];
    strcpy(copy, text);
    return pem_normalize(copy) == strlen(expected) && strcmp(copy, expected) == 0;
}

static void test_normalize(void) {
    CHECK(normalizes("", "") && normalizes("a\nb\n", "a\nb\n"));
    CHECK(normalizes("a\r\nb\rc\r", "a\nb\nc\n"));
    CHECK(normalizes("a\\nb\\r\\nc", "a\nb\n\nc")); /* an empty line does not matter */
    CHECK(normalizes("  a b\n\t c", "a b\nc") && normalizes("  ", ""));
    CHECK(normalizes("\\x \\", "\\x \\"));
}

static void test_lines(void) {
    char begin[PEM_LINE_MAX], end[PEM_LINE_MAX];
    CHECK(pem_lines(KEY, begin, end));
    CHECK(strcmp(begin, "-----BEGIN PRIVATE KEY-----") == 0);
    CHECK(strcmp(end, "-----END PRIVATE KEY-----") == 0);
    CHECK(!pem_lines("-----BEGIN CERTIFICATE", begin, end));
    CHECK(pem_lines("-----BEGIN 12345678901234567890123456789012345678901234567-----", begin, end));
    CHECK(
        !pem_lines("-----BEGIN 123456789012345678901234567890123456789012345678-----", begin, end));
}

int main(void) {
    test_normalize();
    test_lines();
    pem_scan_t scan = pem_scan("");
    CHECK(!scan.pem && scan.certificates == 0 && scan.private_keys == 0);
    CHECK(!pem_scan("\x30\x82 DER").pem);
    scan = pem_scan(CERT CERT "text\n" CERT);
    CHECK(scan.pem && scan.certificates == 3 && scan.private_keys == 0 && !scan.encrypted);
    scan = pem_scan(KEY CERT);
    CHECK(scan.certificates == 1 && scan.private_keys == 1 && !scan.encrypted);
    scan = pem_scan("-----BEGIN PUBLIC KEY-----\nAA\n-----END PUBLIC KEY-----\n");
    CHECK(scan.pem && scan.private_keys == 0 && scan.certificates == 0);
    CHECK(pem_scan("-----BEGIN EC PARAMETERS-----\nAA\n-----END EC PARAMETERS-----\r\n"
                   "-----BEGIN EC PRIVATE KEY-----\r\nAA")
              .private_keys == 1);
    CHECK(pem_scan("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAA").encrypted);
    CHECK(pem_scan("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: x\n\nAA\n"
                   "-----END RSA PRIVATE KEY-----\n")
              .encrypted);
    scan = pem_scan(KEY "-----BEGIN CERTIFICATE REQUEST-----\nProc-Type: 4,ENCRYPTED");
    CHECK(!scan.encrypted && scan.certificates == 0);
    CHECK(pem_scan("-----BEGIN ").pem);
    CHECK(pem_scan("-----BEGIN CERTIFICATE REQUEST-----\n").request && !scan.openssh);
    CHECK(pem_scan("-----BEGIN PKCS7-----\n").pkcs7);
    scan = pem_scan("-----BEGIN OPENSSH PRIVATE KEY-----\nAA");
    CHECK(scan.openssh && scan.private_keys == 1);
    CHECK(pem_scan("-----BEGIN TRUSTED CERTIFICATE-----\n").certificates == 1);
    CHECK(pem_private_key(CERT) == NULL && strcmp(pem_private_key(CERT KEY), KEY) == 0);

    const char *chain = "x " KEY CERT CERT;
    const char *first = pem_next_certificate(chain);
    CHECK(first == strstr(chain, "-----BEGIN CERT") && pem_next_certificate(first) == first);
    const char *second = pem_next_certificate(first + 1);
    CHECK(second > first && strcmp(second, CERT) == 0);
    CHECK(pem_next_certificate(second + 1) == NULL && pem_next_certificate("") == NULL);
    return 0;
}
