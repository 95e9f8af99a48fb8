/**
 * What the client uses of undici, by name. Loaded with `import()` at the first request: an `import()` of undici itself,
 * which is CommonJS, has only a default export in the bundle.
 */
export { Agent, buildConnector } from 'undici';
