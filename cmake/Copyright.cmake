# Writes LIKENESS_COPYRIGHT: the licence, and the texts that have to go with what is compiled in or made into the bundles. Runs at
# installation.

get_filename_component(root ${CMAKE_CURRENT_LIST_DIR} DIRECTORY)
file(READ ${root}/LICENSE text)
file(READ ${root}/THIRD_PARTY_NOTICES.md notices)
string(APPEND text "\n\n${notices}")
foreach(part
    "CLI11|/usr/share/doc/libcli11-dev/copyright"
    "nlohmann-json|/usr/share/doc/nlohmann-json3-dev/copyright"
    "Eigen|/usr/share/doc/libeigen3-dev/copyright"
    "SQLiteCpp|/usr/share/doc/libsqlitecpp-dev/copyright"
    "Chart.js|${LIKENESS_NPM_DIR}/chart.js-*/package/LICENSE.md"
    "The face detector, by way of faceplugin-face-recognition-js|${LIKENESS_NPM_DIR}/faceplugin-face-recognition-js-*/package/LICENSE")
  string(REPLACE "|" ";" part ${part})
  list(GET part 0 name)
  list(GET part 1 pattern)
  file(GLOB file ${pattern})
  if(NOT file)
    message(FATAL_ERROR "the licence of ${name} is missing: ${pattern}")
  endif()
  file(READ ${file} licence)
  string(APPEND text "\n\n=== ${name}\n\n${licence}")
endforeach()
file(WRITE ${LIKENESS_COPYRIGHT} "${text}")
