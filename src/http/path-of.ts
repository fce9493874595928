/** A URL's path, of one that begins with it. */
export function pathOf(url: string): string {
  return url.split('?', 1)[0] ?? ''
}
