# The face that users write: `from esp32 import httpserver, wsserver, webrepl`.
import httpserver
import webrepl
import wsserver
