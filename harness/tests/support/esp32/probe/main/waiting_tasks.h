/* SPDX-License-Identifier: MIT */
#pragma once

/** Start a task that is suspended, one that waits for time and one that waits for a queue. */
void waiting_tasks_start(void);
