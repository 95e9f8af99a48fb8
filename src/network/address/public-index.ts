/**
 * The public Python package index, used when no setting of the user names another. This is the only module that
 * knows its address; everything else takes indexes from the network profile.
 */
const HOST = ['pypi', 'org'].join('.');

export const PUBLIC_INDEX_URL = `https://${HOST}/simple`;
