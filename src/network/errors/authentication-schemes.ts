/**
 * The schemes of `WWW-Authenticate` or `Proxy-Authenticate`. Only known ones: quoted parts may hold commas
 * and arbitrary words.
 */
export function authenticationSchemes(header: string): string[] {
  const known = ['Basic', 'Digest', 'Negotiate', 'NTLM', 'Kerberos', 'Bearer'];
  const parts = header.replace(/"[^"]*"/g, '""').split(',');
  const named = parts.map((part) => part.trim().split(/\s/, 1)[0]!.toLowerCase());
  return known.filter((scheme) => named.includes(scheme.toLowerCase()));
}
