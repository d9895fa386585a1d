#include "origin.h"

#include <string.h>
#include <strings.h>

bool origin_entry_valid(const char *entry) {
    if (strcmp(entry, "*") == 0 || strcmp(entry, "null") == 0) {
        return true;
    }
    const char *host = strstr(entry, "://");
    return host && host > entry && host[3] && !strpbrk(host + 3, "/?#@ \t\r\n") &&
           strcspn(entry, ":") == (size_t)(host - entry);
}

bool origin_allowed(const char *list, const char *origin) {
    if (!list || !origin) {
        return true;
    }
    for (; *list; list += strlen(list) + 1) {
        if (strcmp(list, "*") == 0 || strcasecmp(list, origin) == 0) {
            return true;
        }
    }
    return false;
}
