# What `cmake --install` puts where, and the Debian package that `cpack` makes of it (deploy/debian/).

include(GNUInstallDirs)
# Whatever the umask of who builds is.
set(CMAKE_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ
                                                WORLD_EXECUTE)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS ${CMAKE_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS})
set(LIKENESS_DEBIAN ${PROJECT_SOURCE_DIR}/deploy/debian)

install(TARGETS likeness-server likeness)
install(FILES ${LIKENESS_MODELS_DIR}/face-finder.pt ${LIKENESS_MODELS_DIR}/mobilefacenet-192.pt
        DESTINATION ${CMAKE_INSTALL_DATADIR}/likeness/models)
# What an administrator has changed stays.
install(CODE "
  if(NOT EXISTS \"\$ENV{DESTDIR}${CMAKE_INSTALL_FULL_SYSCONFDIR}/likeness/likeness.yaml\")
    file(INSTALL \"${LIKENESS_DEBIAN}/likeness.yaml\" DESTINATION \"${CMAKE_INSTALL_FULL_SYSCONFDIR}/likeness\")
  endif()")
install(FILES ${LIKENESS_DEBIAN}/likeness.service DESTINATION lib/systemd/system)
install(FILES README.md CHANGELOG.md CITATION.cff DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(CODE "set(LIKENESS_NPM_DIR \"${LIKENESS_NPM_DIR}\")\nset(LIKENESS_COPYRIGHT \"${CMAKE_BINARY_DIR}/copyright\")")
install(SCRIPT cmake/Copyright.cmake)
install(FILES ${CMAKE_BINARY_DIR}/copyright DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY proto/likeness DESTINATION ${CMAKE_INSTALL_DATADIR}/likeness/proto FILES_MATCHING PATTERN *.proto)

# man_page(PROGRAM SECTION NAME HELP): the page is the program's own help.
find_program(HELP2MAN_PROGRAM help2man REQUIRED)
function(man_page program section name help)
  set(page ${CMAKE_BINARY_DIR}/man/${program}.${section})
  add_custom_command(
    OUTPUT ${page}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/man
    COMMAND ${HELP2MAN_PROGRAM} --no-info --section=${section} --name=${name} --help-option=${help} --output=${page}
            $<TARGET_FILE:${program}>
    DEPENDS ${program}
    VERBATIM)
  add_custom_target(${program}_man ALL DEPENDS ${page})
  install(FILES ${page} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
endfunction()
man_page(likeness-server 8 "face verification over gRPC" --help)
man_page(likeness 1 "ask a face-verification server, and look after it" --help-all)

set(CPACK_GENERATOR DEB)
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGE_NAME likeness)
set(CPACK_PACKAGE_VENDOR likeness)
set(CPACK_PACKAGE_CONTACT "The likeness authors <authors@likeness.invalid>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY ${PROJECT_DESCRIPTION})
set(CPACK_PACKAGE_DESCRIPTION
    "A server that tells whether the face in a photo is the person enrolled under an id, with a command line and the default models.")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS adduser)
if(TORCH_LIBRARY MATCHES "^/usr/")
  # No library names it, but without it Debian's LibTorch takes the slow reference BLAS.
  string(APPEND CPACK_DEBIAN_PACKAGE_DEPENDS ", libopenblas0-pthread")
else()
  get_filename_component(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${TORCH_LIBRARY} DIRECTORY)
endif()
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
    ${LIKENESS_DEBIAN}/conffiles ${LIKENESS_DEBIAN}/postinst ${LIKENESS_DEBIAN}/prerm ${LIKENESS_DEBIAN}/postrm)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_OUTPUT_FILE_PREFIX ${CMAKE_BINARY_DIR}/packages)
include(CPack)
