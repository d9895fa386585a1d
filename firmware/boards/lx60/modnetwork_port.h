/* Included by extmod/modnetwork.c into the table of module network. */
/* clang-format off */
{MP_ROM_QSTR(MP_QSTR_LAN), MP_ROM_PTR(&network_lan_type)},
{MP_ROM_QSTR(MP_QSTR_PHY_OPENETH), MP_ROM_INT(0)},
{MP_ROM_QSTR(MP_QSTR_ETH_STOPPED), MP_ROM_INT(NETWORK_ETH_STOPPED)},
{MP_ROM_QSTR(MP_QSTR_ETH_CONNECTED), MP_ROM_INT(NETWORK_ETH_CONNECTED)},
{MP_ROM_QSTR(MP_QSTR_ETH_GOT_IP), MP_ROM_INT(NETWORK_ETH_GOT_IP)},
    /* clang-format on */
