import type { Setting } from './setting.ts'

const MASK = '********'

/** A URL with what looks like credentials: they may be in one that is not to have any. */
const CREDENTIALS = /^https?:\/\/([^/?#]*@|[^#]*\?)/i

/** A setting's text as it may be shown. */
export function shownText({ secrecy }: Pick<Setting<unknown>, 'secrecy'>, text: string): string {
  if (secrecy === undefined) return CREDENTIALS.test(text) ? maskedUrl(text) : text
  return secrecy === 'value' ? MASK : maskedUrl(text)
}

/** A URL, or what was to be one, without its password: up to the last `@`, since passwords may be written badly. */
function maskedUrl(url: string): string {
  const end = url.lastIndexOf('@')
  const rest = url.slice(end + 1).replaceAll(/([?&](?!db=)[^=&]*=)[^&]*/g, `$1${MASK}`)
  if (end < 0) return rest
  const [, scheme = '', user] = /^([a-z0-9+.-]+:\/\/)?(?:([^:]*):)?/is.exec(url.slice(0, end)) ?? []
  return `${scheme}${user === undefined ? '' : `${user}:`}${MASK}@${rest}`
}
