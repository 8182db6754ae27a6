-- Tokens of the people and programs that operate Muster. The token itself is shown once and never stored.

create table operator_tokens (
  id uuid primary key,
  name text not null,
  token_sha256 text not null unique,
  created_at timestamptz not null,
  last_used_at timestamptz,
  revoked_at timestamptz
);
