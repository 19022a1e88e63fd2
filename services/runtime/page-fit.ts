// The edge passes on answers of at most 4 MiB of JSON, where a byte of ours takes up to six ("\u0001"). A thousand
// messages without labels, metadata or other text of a caller's choice stay below this.
const pageBytesMax = 600_000

/** What generated code offers of a message. */
interface Encoding<T> {
  encode(message: T): { finish(): Uint8Array }
}

/** As many messages of a page from the front as fit an answer through the edge, at least one. */
export function fittingPage<T>(messages: T[], encoding: Encoding<T>): T[] {
  let bytes = 0
  const tooMany = messages.findIndex((message, index) => {
    bytes += encoding.encode(message).finish().length
    return bytes > pageBytesMax && index > 0
  })
  return tooMany < 0 ? messages : messages.slice(0, tooMany)
}
