# SPDX-License-Identifier: MIT
"""`EspbenchBoard`: labgrid's resource for the servers of a board, emulated or real."""

from __future__ import annotations

import attr
from labgrid.factory import target_factory
from labgrid.resource.common import NetworkResource

__all__ = ["EspbenchBoard"]

_port = attr.validators.optional(attr.validators.instance_of(int))


@target_factory.reg_resource
@attr.s(eq=False)
class EspbenchBoard(NetworkResource):
    """A board that serves HTTP and HTTPS.

    Args:
        http, https: ports on `host`; None if it does not serve that.
        webrepl_password: the WebREPL's password; None if unknown.
    """

    http: int | None = attr.ib(default=None, validator=_port)
    https: int | None = attr.ib(default=None, validator=_port)
    webrepl_password: str | None = attr.ib(
        default=None, validator=attr.validators.optional(attr.validators.instance_of(str))
    )
