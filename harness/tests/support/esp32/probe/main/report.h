/* SPDX-License-Identifier: MIT */
#pragma once

/** Add heap_caps_get_info() of each capability to the line, as a JSON object. */
void report_heap(void);

/** Add uxTaskGetSystemState() to the line, as a JSON object. */
void report_tasks(void);
