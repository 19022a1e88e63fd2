/** A process: its id and when it started, so that another process under the same id is not taken for it. */
export interface ProcessIdentity {
  readonly pid: number
  readonly start: string
}
/** Takes the lock without waiting: `release` gives it back; `holder` is the running process that has it. */
export function takeLock(file: string): { release: () => void; holder?: undefined } | { holder: ProcessIdentity }
/** The running process that holds the lock, if any. */
export function lockHolder(file: string): ProcessIdentity | undefined
/** When the process started, in the system's own notation; undefined when it does not run. */
export function processStart(pid: number): string | undefined
/** This process. */
export function thisProcess(): ProcessIdentity
/** The process with that id. */
export function identify(pid: number): ProcessIdentity
/** Whether that very process still runs, not another one under its id. */
export function isRunning(process: ProcessIdentity): boolean
