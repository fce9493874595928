export interface Emoji {
  readonly id: number
  readonly shortcode: string
  readonly unicode: string
}

/** Voting for this one always fails, as in emojivoto. */
export const FAILING_SHORTCODE = ':doughnut:'

const UNICODES: Readonly<Record<string, string>> = {
  ':100:': '💯',
  ':balloon:': '🎈',
  ':basketball:': '🏀',
  ':beer:': '🍺',
  ':burrito:': '🌯',
  ':cat2:': '🐈',
  ':champagne:': '🍾',
  ':dog:': '🐶',
  ':doughnut:': '🍩',
  ':fire:': '🔥',
  ':ghost:': '👻',
  ':guitar:': '🎸',
  ':joy:': '😂',
  ':mask:': '😷',
  ':pizza:': '🍕',
  ':poop:': '💩',
  ':rainbow:': '🌈',
  ':rocket:': '🚀',
  ':sunglasses:': '😎',
  ':taco:': '🌮',
  ':tada:': '🎉',
  ':trophy:': '🏆',
  ':turtle:': '🐢',
  ':wave:': '👋',
}

export const EMOJIS: readonly Emoji[] = Object.entries(UNICODES).map(([shortcode, unicode], i) => ({
  id: 1001 + i,
  shortcode,
  unicode,
}))
