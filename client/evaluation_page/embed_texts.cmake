# Writes a C++ source file with one string constant for each text file: cmake -DOUT= -DHEADER= -DNAMES= -DFILES= -P …
# A library's pointer to its source map is left out, because no such file lies beside the page. Texts stand in <script>,
# <style> and comments as they are, so none may hold what ends these.
set(source "// Made by embed_texts.cmake.\n#include \"${HEADER}\"\n\nnamespace likeness {\n")
foreach(name file IN ZIP_LISTS NAMES FILES)
  file(READ "${file}" text)
  string(REGEX REPLACE "//# sourceMappingURL=[^\n]*" "" text "${text}")
  string(TOLOWER "${text}" lower_case)
  if(lower_case MATCHES "</script|</style|<!--|\r")
    message(FATAL_ERROR "${file} holds ${CMAKE_MATCH_0}, which cannot stand in a page")
  endif()
  string(APPEND source "\nconst char ${name}[] = R\"embedded_text(${text})embedded_text\";\n")
endforeach()
file(WRITE "${OUT}" "${source}\n}  // namespace likeness\n")
