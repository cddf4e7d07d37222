import { SaxesParser } from 'saxes'
import { S3Error } from '../errors.ts'

/** An element: its name without a namespace prefix, its child elements, and its own text. */
export interface Element {
  readonly name: string
  readonly children: Element[]
  text: string
}

/** S3's documents are three or four levels deep; a bound keeps a hostile one from growing a stack. */
const depthMax = 16

/**
 * Parses a request document and checks its root's name.
 * Entities other than the five of XML, and a DOCTYPE, are refused: no client sends them for a good reason.
 *
 * @throws {S3Error} `MalformedXML`
 */
export function parseXml(source: string, rootName: string): Element {
  const document: Element = { name: '', children: [], text: '' }
  const open = [document]
  const parser = new SaxesParser()
  parser.on('doctype', malformed)
  parser.on('error', malformed)
  parser.on('opentag', ({ name }) => {
    const element: Element = { name: name.slice(name.indexOf(':') + 1), children: [], text: '' }
    open.at(-1)!.children.push(element)
    if (open.push(element) > depthMax) malformed()
  })
  parser.on('closetag', () => void open.pop())
  parser.on('text', (text) => void (open.at(-1)!.text += text))
  parser.on('cdata', (text) => void (open.at(-1)!.text += text))
  parser.write(source).close()
  const root = document.children[0]
  if (root?.name !== rootName) malformed()
  return root
}

/** Child elements of that name. */
export function childrenOf(element: Element, name: string): Element[] {
  return element.children.filter((child) => child.name === name)
}

/**
 * Text of the only child of that name, or undefined where there is none.
 * @throws {S3Error} `MalformedXML` where there are two
 */
export function textOf(element: Element, name: string): string | undefined {
  const found = childrenOf(element, name)
  if (found.length > 1) malformed()
  return found[0]?.text
}

function malformed(): never {
  throw new S3Error('MalformedXML')
}
