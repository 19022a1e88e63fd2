/**
 * What a device signs. The first line says what for, so that no signature serves another purpose; user and session, and the device where
 * there is one, keep it from serving anybody else. Lines are joined by one line feed; nothing in them can hold one.
 */
export function bindingMessage(user: string, session: string, challenge: Buffer): Buffer {
  return messageOf(['paymesh.identity.v1.FinishBinding', user, session, challenge.toString('base64url')])
}

export function stepUpMessage(user: string, session: string, device: string, challenge: Buffer): Buffer {
  return messageOf(['paymesh.identity.v1.StepUpSession', user, session, device, challenge.toString('base64url')])
}

function messageOf(lines: readonly string[]): Buffer {
  return Buffer.from(lines.join('\n'))
}
