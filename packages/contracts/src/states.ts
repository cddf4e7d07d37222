import { z } from 'zod'

/**
 * queued     no fold has been leased yet
 * running    a fold has been leased at least once
 * paused     no fold is leased any more until it is resumed; sessions that hold one are asked to hand it over
 * assembling every fold is final; the coordinator computes CV and the leaderboard row
 * completed | failed | cancelled   final; retrying a failed fold makes a failed experiment `running` again
 */
export const ExperimentStatus = z.enum([
  'queued',
  'running',
  'paused',
  'assembling',
  'completed',
  'failed',
  'cancelled',
])
export type ExperimentStatus = z.infer<typeof ExperimentStatus>

/**
 * ready      nobody holds it; it is offered, or will be once `notBefore` has passed
 * leased     one session holds it until `leaseExpiresAt`
 * paused     nobody holds it and it is not offered: its experiment is paused
 * completed | failed | cancelled   final; a failed one is ready again once somebody retries it
 */
export const FoldStatus = z.enum(['ready', 'leased', 'paused', 'completed', 'failed', 'cancelled'])
export type FoldStatus = z.infer<typeof FoldStatus>

/**
 * How one session's work on a fold stands or ended. Interrupted is not failed.
 *
 * running
 * completed
 * handed_over  interrupted: its session gave the fold back, and lost no step
 * stopped      interrupted: somebody stopped its session
 * lost         interrupted: its session went silent
 * failed
 * cancelled    the experiment was
 */
export const AttemptStatus = z.enum(['running', 'completed', 'handed_over', 'stopped', 'lost', 'failed', 'cancelled'])
export type AttemptStatus = z.infer<typeof AttemptStatus>

/** Whether an attempt ended without having failed: another goes on from its last checkpoint. */
export function isInterrupted(status: AttemptStatus): boolean {
  return status === 'handed_over' || status === 'stopped' || status === 'lost'
}

/**
 * active     registered, seen lately
 * draining   asked to finish: gets no new lease, hands over the one it has
 * ended      said goodbye, was stopped, or went silent while draining
 * lost       went silent
 */
export const SessionStatus = z.enum(['active', 'draining', 'ended', 'lost'])
export type SessionStatus = z.infer<typeof SessionStatus>

/**
 * queued     the coordinator is asked to write the file
 * ready      the file is in storage: it can be downloaded and scored
 * failed     no file can be made of this experiment with these options; final
 */
export const SubmissionStatus = z.enum(['queued', 'ready', 'failed'])
export type SubmissionStatus = z.infer<typeof SubmissionStatus>

export const Provider = z.enum(['kaggle', 'colab', 'container', 'local'])
export type Provider = z.infer<typeof Provider>

/**
 * What a token may do, in the one project it is of, or in all.
 *
 * owner      all: tokens and sessions too; of all projects also chats, providers and new projects
 * submitter  start, steer and submit experiments; read
 * viewer     read
 * enrolment  register one session, once
 * session    work on the folds it leases
 */
export const Role = z.enum(['owner', 'submitter', 'viewer', 'enrolment', 'session'])
export type Role = z.infer<typeof Role>

/** Whether a token of this role is a person's (or a program's of theirs): what it changes is in the audit log. */
export function isPersonal(role: Role): boolean {
  return role === 'owner' || role === 'submitter' || role === 'viewer'
}

/** Whether nothing will change an experiment or fold in this state any more, unless somebody retries what failed. */
export function isFinal(status: ExperimentStatus | FoldStatus): boolean {
  return status === 'completed' || status === 'failed' || status === 'cancelled'
}
