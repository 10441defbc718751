import { Column, CreateDateColumn, Entity, PrimaryGeneratedColumn } from 'typeorm';

/**
 * "Tokens of `subject` below `generation` are dead" (D20). Subjects: `token:{jti}`, `session:{id}`, `user:{id}`,
 * `client:{client_id}`, `provider:{id}`, `organization:{id}`, and `profile:{user id}`, which kills no token but makes
 * cached profiles stale. An entry lives as long as an access token that it kills could. `xact` is what followers read
 * by: ids of a sequence become visible out of order, transactions below a snapshot's xmin do not.
 */
@Entity({ name: 'revocations' })
export class RevocationEntity {
  @PrimaryGeneratedColumn({ type: 'bigint' }) id: string;
  @Column({ type: 'text' }) subject: string;
  @Column({ type: 'int' }) generation: number;
  @Column({ type: 'xid8' as 'text', default: () => 'pg_current_xact_id()' }) xact: string;
  @CreateDateColumn({ type: 'timestamptz', name: 'created_at' }) createdAt: Date;
  @Column({ type: 'timestamptz', name: 'expires_at' }) expiresAt: Date;
}
