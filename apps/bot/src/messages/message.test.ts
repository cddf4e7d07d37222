import { expect, test } from 'vitest'
import { fixed, plain, title, toHtml, toText } from './message.ts'

test('user text is escaped, and fixed lines stand in one block', () => {
  const message = [title('<imet> & co'), plain('a < b'), fixed('x > 1'), fixed('</pre>'), plain('end')]
  expect(toHtml(message)).toBe('<b>&lt;imet&gt; &amp; co</b>\na &lt; b\n<pre>x &gt; 1\n&lt;/pre&gt;</pre>\nend')
  expect(toText(message)).toBe('<imet> & co\na < b\n  x > 1\n  </pre>\nend')
})

test('escape sequences, control characters and turned reading directions reach nobody', () => {
  expect(toText([plain('\u001b[31mred\u001b[0m\r\nnext\u0007 \u202eevil')])).toBe('red next   evil')
})

test.each(['x', '&', '<', '😀'])('a message of too many long lines of %s is cut after a whole line', (character) => {
  const message = Array.from({ length: 60 }, (_, i) => (i % 2 ? plain : fixed)(character.repeat(400)))
  const html = toHtml(message)
  expect(html.length).toBeLessThanOrEqual(4096)
  expect(html.length).toBeGreaterThan(3000)
  expect(html).toMatch(/(<\/pre>\n…|[^>]\n…)$/)
  expect(html.match(/<pre>/g)?.length).toBe(html.match(/<\/pre>/g)?.length)
})

test('a line is cut between characters, never inside an escape or a pair of code units', () => {
  expect(toHtml([fixed('&&&', 11)])).toBe('<pre>&amp;&amp;…</pre>')
  expect(toHtml([fixed('😀😀😀', 5)])).toBe('<pre>😀😀…</pre>')
  expect(toHtml([fixed('abc', 3)])).toBe('<pre>abc</pre>')
})
