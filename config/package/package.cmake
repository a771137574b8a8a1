# Installation, and the Debian package (cpack).
include(GNUInstallDirs)
set(package_dir ${PROJECT_SOURCE_DIR}/config/package)
set(doc_dir ${CMAKE_INSTALL_DATAROOTDIR}/doc/larder)

# Resolve all symbols at startup, so that the relocation table can be made read-only.
target_link_options(larder PRIVATE LINKER:-z,relro,-z,now)

install(FILES ${PROJECT_SOURCE_DIR}/config/systemd/larder.service ${PROJECT_SOURCE_DIR}/config/systemd/larder.socket DESTINATION lib/systemd/system)
install(FILES ${PROJECT_SOURCE_DIR}/config/larder.yaml DESTINATION /etc/larder)
install(DIRECTORY DESTINATION /etc/larder/conf.d)
install(FILES ${PROJECT_SOURCE_DIR}/config/larder.schema.json ${PROJECT_SOURCE_DIR}/config/grafana-dashboard.json
  ${PROJECT_SOURCE_DIR}/config/prometheus-alerts.yaml DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/larder)
install(FILES ${PROJECT_SOURCE_DIR}/config/completion/larder.bash DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/bash-completion/completions RENAME larder)
install(FILES ${PROJECT_SOURCE_DIR}/config/completion/_larder DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/zsh/vendor-completions)
install(FILES ${package_dir}/copyright ${PROJECT_SOURCE_DIR}/config/reference.md DESTINATION ${doc_dir})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/config/examples DESTINATION ${doc_dir})

# Debian policy requires these compressed, reproducibly.
find_program(GZIP gzip REQUIRED)
function(larder_install_packed source name destination)
  set(packed ${CMAKE_BINARY_DIR}/package/${name}.gz)
  add_custom_command(OUTPUT ${packed} COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/package
    COMMAND ${GZIP} -9nc ${PROJECT_SOURCE_DIR}/config/${source} > ${packed} DEPENDS ${PROJECT_SOURCE_DIR}/config/${source} VERBATIM)
  set_property(GLOBAL APPEND PROPERTY larder_packed ${packed})
  install(FILES ${packed} DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/${destination})
endfunction()
larder_install_packed(man/larder.1 larder.1 man/man1)
larder_install_packed(man/larder.yaml.5 larder.yaml.5 man/man5)
larder_install_packed(package/changelog changelog doc/larder)
get_property(packed_files GLOBAL PROPERTY larder_packed)
add_custom_target(package_files ALL DEPENDS ${packed_files})

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME larder)
set(CPACK_PACKAGE_VENDOR "the larder developers")
set(CPACK_PACKAGE_CONTACT "the larder developers <developers@larder.invalid>")
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "caching reverse proxy in front of a JSON API
larder caches responses of a slow JSON API for a short, per-route time,
collapses concurrent requests for the same URL into one fetch, answers
unchanged polls with 304, reduces list responses to the fields that their
clients use, and refreshes entries in use before they expire.")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${package_dir}/conffiles ${package_dir}/postinst ${package_dir}/prerm ${package_dir}/postrm)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
include(CPack)
