/**
 * The public Python package index, used when no setting of the user names another. This is the only module that
 * knows its addresses; everything else takes indexes from the network profile.
 */
const HOST = ['pypi', 'org'].join('.');
const FILE_HOST = ['files', 'pythonhosted', 'org'].join('.');

export const PUBLIC_INDEX_URL = `https://${HOST}/simple`;

/** The public index keeps all its files below this address, under paths that never change. */
export const PUBLIC_FILES_URL = `https://${FILE_HOST}/`;
