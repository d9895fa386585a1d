/* Hooks of MicroPython's esp32 port, set in mpconfigboard.h. */
#ifndef ESP32_STARTUP_H
#define ESP32_STARTUP_H

void espbench_startup(void);
void espbench_port_init(void);
void espbench_port_deinit(void);

#endif
