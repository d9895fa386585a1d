set(IDF_TARGET esp32c3)
include(${CMAKE_CURRENT_LIST_DIR}/../esp32/board.cmake)
