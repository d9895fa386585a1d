set(IDF_TARGET esp32)
include(${CMAKE_CURRENT_LIST_DIR}/../esp32/board.cmake)
