/** Where an input comes from: a project, and its test or issue. */
interface Sibling {
  /** Name of the case in the matrix of networks or of machines. */
  name: string;
  source: string;
}

/** A family of failures, and inputs of it that nobody reported to us: they are after the tests and issues of other tools. */
interface Family {
  kind: string;
  siblings: readonly Sibling[];
}

const of = (kind: string, ...siblings: [string, string][]): Family => ({
  kind,
  siblings: siblings.map(([name, source]) => ({ name, source })),
});

/** Read by `siblings.test.ts`: each name is a case of a matrix, and each family has three sources at least. */
export const NETWORK_FAMILIES: readonly Family[] = [
  of(
    'an address whose login ends early',
    ['proxy login with a %', 'pip tests/unit/test_network_auth.py: test_get_credentials_parses_correctly'],
    [
      'PIP_INDEX_URL: https://me:matrix/@password@s.inva',
      'pip tests/unit/test_utils.py: test_redact_auth_from_url',
    ],
    ['uv.toml: a proxy that is no address', 'uv it/network.rs: proxy_invalid_url_in_uv_toml'],
  ),
  of(
    "the plan's hosts and the transfer's",
    ['one file redirected to a storage host', 'uv project/edit.rs: add_redirect_cross_origin'],
    ['files of one index on two hosts', 'uv uv-client/src/html.rs: parse_code_artifact_index_html'],
    [
      'page redirected to a file: address',
      'pip tests/unit/test_network_session.py: test_get_redirect_target_refuses_file_scheme',
    ],
  ),
  of(
    'GET decides',
    ['HEAD 400', 'pip tests/unit/test_collector.py: test_get_simple_response_no_head'],
    [
      'sent as a web page',
      'pip tests/unit/test_collector.py: test_get_simple_response_archive_to_http_scheme_is_html',
    ],
    ['page redirected to nowhere (Location is empty)', 'uv pip_install/pip_install.rs: bogus_redirect'],
  ),
  of(
    'what the other side says',
    ['403 with problem details (RFC 9457)', 'uv it/network.rs: rfc9457_problem_details_license_violation'],
    [
      '403 with control characters',
      'pip tests/unit/test_network_utils.py: test_raise_connection_error_escapes_url_markup',
    ],
    [
      '503 with a JSON message',
      'pip tests/unit/test_network_utils.py: test_raise_for_status_raises_exception',
    ],
  ),
  of(
    'at the proxy before 200',
    [
      'proxy over TLS',
      'pip tests/unit/test_network_session.py: test_https_proxy_uses_same_ssl_context_for_both_legs',
    ],
    ['proxy port closed', 'pip tests/unit/test_network_session.py: test_broken_proxy'],
    ['proxy that answers CONNECT with a web page and 200', 'uv uv-client/tests/it/proxy.rs: http_proxy'],
  ),
  of(
    'settings that peers obey',
    ['uv.toml: https-proxy', 'uv it/network.rs: proxy_https_proxy_in_uv_toml'],
    ['uv.toml: https-proxy without a scheme', 'uv it/network.rs: proxy_schemeless_url_in_uv_toml'],
    ['uv.toml: no-proxy over a dead proxy', 'uv it/network.rs: proxy_no_proxy_in_uv_toml'],
    [
      'client certificate of another authority',
      'uv uv-client/tests/it/ssl_certs.rs: test_mtls_with_wrong_client_cert',
    ],
  ),
  of(
    '~ in a path',
    [
      'PIP_FIND_LINKS=~/wheels',
      'pip tests/unit/test_collector.py: test_link_collector_create_find_links_expansion',
    ],
    [
      'client certificate, PIP_CLIENT_CERT=~/…',
      'pip tests/unit/test_configuration.py: test_environment_var_loading',
    ],
    ['authority: cafile=~/… in npmrc', 'npm workspaces/config/test/parse-field.js'],
  ),
  of(
    'what the profile knows',
    [
      'SSL_CERT_FILE dangling',
      'uv uv-client/tests/it/ssl_certs.rs: test_ssl_cert_file_nonexistent_overrides_default_roots',
    ],
    [
      'authority in a bundle with a broken one before it',
      'uv uv-client/tests/it/ssl_certs.rs: test_ssl_cert_file_bundle_ignores_invalid_trust_anchor',
    ],
    [
      'SSL_CERT_DIR: several folders, one is missing',
      'uv uv-client/tests/it/ssl_certs.rs: test_ssl_cert_dir_multiple_directories_with_missing_entry',
    ],
  ),
  of(
    'netrc',
    [
      'netrc: another user than the address names',
      'uv uv-auth/src/middleware.rs: test_netrc_file_mismatched_username',
    ],
    ['netrc: default alone', 'uv pip_install/pip_install.rs: install_package_basic_auth_from_netrc_default'],
    [
      'netrc: default is not for a redirect',
      'uv project/edit.rs: pip_install_redirect_with_netrc_cross_origin',
    ],
  ),
  of(
    'the order of indexes',
    [
      'two indexes on one host, a login each',
      'uv lock/lock.rs: lock_multiple_indexes_same_realm_different_credentials',
    ],
    [
      'pip.conf, [install] over [global]',
      'pip tests/functional/test_install_config.py: test_config_file_override_stack',
    ],
    [
      'wrong bytes, the next index is right',
      'pip tests/functional/test_install_index.py: test_install_from_file_index_hash_link',
    ],
  ),
  of(
    'redirects and links',
    [
      'https page, http links elsewhere',
      'uv uv-client/src/base_client.rs: test_redirect_removes_authorization_header_on_cross_origin',
    ],
    [
      'http that moved to https, with its login',
      'uv uv-client/src/base_client.rs: test_redirect_preserves_authorization_header_on_same_origin',
    ],
    [
      'redirect from https to http',
      'pip tests/unit/test_network_session.py: test_get_redirect_target_allows_http_schemes',
    ],
  ),
  of(
    '401 for a login that was accepted',
    ['401 that stays', 'uv uv-auth/src/middleware.rs: test_credentials_in_url_no_seed'],
    [
      '401 that wants another scheme',
      'pip tests/unit/test_network_auth.py: test_handle_401_extracts_credentials_embedded_in_url',
    ],
    [
      '401 on each page, a login in another index alone',
      'uv uv-auth/src/middleware.rs: test_credentials_in_url_multiple_realms',
    ],
  ),
  of(
    'IPv6 literals',
    [
      'http to an IPv6 address, with a login',
      'pip tests/unit/test_utils.py: test_build_url_from_netloc_and_parse_netloc',
    ],
    ['https to an IPv6 address, proxied', 'pip tests/unit/test_utils.py: test_build_netloc'],
    ['IPv6 address in NO_PROXY, dead proxy', 'uv uv-client/tests/it/proxy.rs: no_proxy'],
  ),
  of(
    "npm's variables",
    ['npmrc: a variable between others, one of them escaped', 'npm workspaces/config/test/env-replace.js'],
    ['npmrc: a variable that may be empty', 'npm workspaces/config/test/env-replace.js'],
    ['npmrc: proxy, and noproxy for the index', 'npm workspaces/config/test/definitions/definitions.js'],
  ),
  of(
    'slow is not blocked',
    ['index that reads on for 3 s before its first byte', 'uv it/network.rs: retry_read_timeout_index'],
    ['proxy that answers no CONNECT in time', 'uv it/network.rs: connect_timeout_index'],
    ['pip timeout longer than the answer takes', 'pip tests/unit/test_network_session.py: test_timeout'],
  ),
];

/** Their sources are those of the cases. */
export const MACHINE_FAMILIES: readonly { kind: string; names: readonly string[] }[] = [
  {
    kind: 'what is known of processes',
    names: [
      '/proc with hidepid=1, as an ordinary user',
      'a /proc of another PID namespace',
      'an image build: chroot without /proc, /sys and /dev/shm',
    ],
  },
  {
    kind: 'the locale of children',
    names: [
      'de_DE.ISO-8859-1, an interpreter in a folder with an umlaut',
      'de_DE.ISO-8859-1, a home with 🚒',
      'C, a home with Stažené',
    ],
  },
  {
    kind: 'interpreters that PATH does not lead to',
    names: [
      'UV_PYTHON_SEARCH_PATH',
      'a free-threaded 3.13',
      'a folder of version managers with names that are no versions',
      'a manylinux image',
    ],
  },
  {
    kind: 'an interpreter that is disturbed',
    names: [
      'warnings on stderr are none of our business',
      'an answer that is empty',
      'python is a folder, a broken link, a file that may not be run',
      'a sitecustomize that prints at the end',
    ],
  },
  {
    kind: 'few threads and processes',
    names: [
      'a container with pids.max 40',
      'a container with pids.max 14: named, with what to raise',
      'ulimit -n 64',
      'ulimit -n 24: named, with what to raise',
    ],
  },
  {
    kind: 'facts of the process',
    names: [
      'the home exists and may not be entered',
      'HOME is /, and nothing may be written there',
      'the home belongs to somebody else',
      'HOME is a file',
    ],
  },
  {
    kind: "the terminal's word",
    names: [
      'a terminal of 24 x 11, lines',
      'a terminal of 0 x 65535, lines',
      'TERM=dumb, a terminal of 0 x 0',
    ],
  },
  {
    kind: 'one runtime for several users',
    names: [
      "uv's own Python in root's home: said in the plan",
      'the user of an image has a home that does not exist',
      'the image is mounted read-only at run time',
    ],
  },
];
