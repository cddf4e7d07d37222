/** Child elements by name; an array repeats the element, undefined leaves it out. */
export interface Elements {
  readonly [name: string]: Value
}
type Value = string | number | boolean | Date | undefined | Elements | readonly (string | Elements)[]

const namespace = 'http://s3.amazonaws.com/doc/2006-03-01/'

/** A response document in S3's namespace. */
export function writeXml(rootName: string, elements: Elements): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${rootName} xmlns="${namespace}">${writeElements(elements)}</${rootName}>`
}

/** S3's error document has no namespace. */
export function writeErrorXml(elements: Elements): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<Error>${writeElements(elements)}</Error>`
}

function writeElements(elements: Elements): string {
  return Object.entries(elements)
    .map(([name, value]) => writeElement(name, value))
    .join('')
}

function writeElement(name: string, value: Value): string {
  if (value === undefined) return ''
  if (Array.isArray(value)) return (value as readonly Value[]).map((item) => writeElement(name, item)).join('')
  if (value instanceof Date) return `<${name}>${value.toISOString()}</${name}>`
  if (typeof value === 'object') return `<${name}>${writeElements(value as Elements)}</${name}>`
  return `<${name}>${escapeText(String(value))}</${name}>`
}

const special: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

/** Control characters become character references, as S3 writes them: keys may hold them, XML 1.0 may not. */
function escapeText(text: string): string {
  return text.replace(/[&<>"\u0000-\u001f\u007f\ufffe\uffff]/g, (char) => special[char] ?? `&#${char.charCodeAt(0)};`)
}
