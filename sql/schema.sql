-- What all migrations together make. Written by `bun scripts/schema-snapshot.ts` and never run; test/schema.test.ts compares.

create table alert_history (
  id uuid not null,
  system_id uuid,
  system_key text,
  organization_id text not null,
  alertname text not null,
  severity text,
  status text not null,
  fingerprint text not null,
  starts_at timestamp with time zone not null,
  ends_at timestamp with time zone,
  summary text,
  labels jsonb not null,
  annotations jsonb not null,
  receiver text,
  created_at timestamp with time zone not null
);
alter table alert_history add constraint alert_history_pkey PRIMARY KEY (id);
alter table alert_history add constraint alert_history_organization_id_fingerprint_starts_at_key UNIQUE (organization_id, fingerprint, starts_at);
alter table alert_history add constraint alert_history_system_id_fkey FOREIGN KEY (system_id) REFERENCES systems(id) ON DELETE CASCADE;
CREATE INDEX alert_history_by_system ON public.alert_history USING btree (system_id, created_at DESC, id DESC);
CREATE INDEX alert_history_by_time ON public.alert_history USING btree (created_at DESC, id DESC);

create table alert_outbox (
  subject text not null,
  fingerprint text not null,
  system_id uuid,
  tenant text not null,
  position bigint not null,
  delivered_position bigint default 0 not null,
  alert jsonb not null,
  refused text,
  updated_at timestamp with time zone not null,
  apart boolean default false not null
);
alter table alert_outbox add constraint alert_outbox_pkey PRIMARY KEY (subject, fingerprint);
alter table alert_outbox add constraint alert_outbox_system_id_fkey FOREIGN KEY (system_id) REFERENCES systems(id) ON DELETE CASCADE;
CREATE INDEX alert_outbox_apart ON public.alert_outbox USING btree (subject, "position") WHERE ((delivered_position < "position") AND apart);
CREATE INDEX alert_outbox_by_age ON public.alert_outbox USING btree (updated_at);
CREATE INDEX alert_outbox_by_system ON public.alert_outbox USING btree (system_id);
CREATE INDEX alert_outbox_refused ON public.alert_outbox USING btree (updated_at DESC, subject DESC, fingerprint DESC) WHERE (refused IS NOT NULL);
CREATE INDEX alert_outbox_suspects ON public.alert_outbox USING btree (subject) WHERE (refused IS NOT NULL);
CREATE INDEX alert_outbox_undelivered ON public.alert_outbox USING btree (tenant, "position") WHERE ((delivered_position < "position") AND (NOT apart));

create table alert_review (
  is_only boolean default true not null,
  review bigint default 0 not null,
  fingerprint text default ''::text not null,
  most_common jsonb default '{}'::jsonb not null,
  new_systems_since timestamp with time zone,
  listed_to uuid default '00000000-0000-0000-0000-000000000000'::uuid
);
alter table alert_review add constraint alert_review_pkey PRIMARY KEY (is_only);
alter table alert_review add constraint alert_review_is_only_check CHECK (is_only);

create table alert_silences (
  id uuid not null,
  system_id uuid not null,
  organization_id text not null,
  silence_id uuid,
  ends_at timestamp with time zone not null,
  created_at timestamp with time zone not null
);
alter table alert_silences add constraint alert_silences_pkey PRIMARY KEY (id);
alter table alert_silences add constraint alert_silences_system_id_fkey FOREIGN KEY (system_id) REFERENCES systems(id) ON DELETE CASCADE;
CREATE INDEX alert_silences_by_end ON public.alert_silences USING btree (ends_at);
CREATE INDEX alert_silences_by_organization ON public.alert_silences USING btree (organization_id, ends_at);
CREATE INDEX alert_silences_by_system ON public.alert_silences USING btree (system_id, ends_at);

create table alerts_totals_by_org (
  organization_id text not null,
  active integer not null,
  critical integer not null,
  warning integer not null,
  info integer not null,
  muted integer not null,
  updated_at timestamp with time zone not null
);
alter table alerts_totals_by_org add constraint alerts_totals_by_org_pkey PRIMARY KEY (organization_id);

create table applications (
  id text not null,
  system_id uuid not null,
  module_id text not null,
  instance_of text not null,
  name text,
  display_name text,
  source text,
  version text,
  node_id integer,
  node_label text,
  is_user_facing boolean not null,
  url text,
  inventory_data json not null,
  content_hash text not null,
  first_seen_at timestamp with time zone not null,
  updated_at timestamp with time zone not null,
  deleted_at timestamp with time zone
) with (fillfactor=85);
alter table applications add constraint applications_pkey PRIMARY KEY (id);
alter table applications add constraint applications_system_id_fkey FOREIGN KEY (system_id) REFERENCES systems(id) ON DELETE CASCADE;
CREATE INDEX applications_by_instance ON public.applications USING btree (instance_of, system_id) WHERE (deleted_at IS NULL);
CREATE UNIQUE INDEX applications_by_system ON public.applications USING btree (system_id, module_id);

create table backup_alerts (
  id uuid not null,
  system_id uuid not null,
  backup_id uuid,
  cause text not null,
  message text not null,
  opened_at timestamp with time zone not null,
  resolved_at timestamp with time zone
);
alter table backup_alerts add constraint backup_alerts_pkey PRIMARY KEY (id);
alter table backup_alerts add constraint backup_alerts_cause_check CHECK ((cause = ANY (ARRAY['damaged'::text, 'lost'::text, 'stale'::text, 'shrunk'::text])));
alter table backup_alerts add constraint backup_alerts_system_id_fkey FOREIGN KEY (system_id) REFERENCES systems(id) ON DELETE CASCADE;
CREATE INDEX backup_alerts_by_backup ON public.backup_alerts USING btree (backup_id) WHERE (resolved_at IS NULL);
CREATE INDEX backup_alerts_by_time ON public.backup_alerts USING btree (opened_at DESC, id DESC);
CREATE UNIQUE INDEX backup_alerts_open ON public.backup_alerts USING btree (system_id, cause, COALESCE(backup_id, '00000000-0000-0000-0000-000000000000'::uuid)) WHERE (resolved_at IS NULL);

create table backup_downloads (
  id bigint generated always as identity not null,
  backup_id uuid not null,
  system_id uuid not null,
  via text not null,
  link_id uuid,
  address text not null,
  downloaded_at timestamp with time zone not null
);
alter table backup_downloads add constraint backup_downloads_pkey PRIMARY KEY (id);
alter table backup_downloads add constraint backup_downloads_via_check CHECK ((via = ANY (ARRAY['link'::text, 'operator'::text])));
CREATE INDEX backup_downloads_by_backup ON public.backup_downloads USING btree (backup_id, downloaded_at DESC);

create table backup_installation (
  one boolean default true not null,
  link_secret bytea not null,
  sweeping_since timestamp with time zone
);
alter table backup_installation add constraint backup_installation_pkey PRIMARY KEY (one);
alter table backup_installation add constraint backup_installation_one_check CHECK (one);

create table backup_removals (
  object_key text not null,
  attempts integer default 0 not null,
  due_at timestamp with time zone,
  reason text
);
alter table backup_removals add constraint backup_removals_pkey PRIMARY KEY (object_key);

create table backup_uploads (
  id uuid not null,
  system_id uuid not null,
  organization_id text not null,
  object_key text not null,
  size bigint not null,
  started_at timestamp with time zone not null,
  renewed_at timestamp with time zone not null
);
alter table backup_uploads add constraint backup_uploads_pkey PRIMARY KEY (id);
CREATE INDEX backup_uploads_by_system ON public.backup_uploads USING btree (system_id);
CREATE TRIGGER count_usage AFTER INSERT OR DELETE OR UPDATE OF size ON public.backup_uploads FOR EACH ROW EXECUTE FUNCTION count_backup_usage();

create table backup_usage (
  organization_id text not null,
  bytes bigint not null
) with (fillfactor=70);
alter table backup_usage add constraint backup_usage_pkey PRIMARY KEY (organization_id);

create table backups (
  id uuid not null,
  system_id uuid not null,
  organization_id text not null,
  object_key text not null,
  extension text not null,
  filename text not null,
  media_type text not null,
  size bigint not null,
  sha256 text not null,
  encryption text not null,
  uploader_ip text,
  uploaded_at timestamp with time zone not null,
  locked_until timestamp with time zone,
  pinned_at timestamp with time zone,
  state text default 'kept'::text not null,
  verified_at timestamp with time zone,
  checked_at timestamp with time zone not null
);
alter table backups add constraint backups_pkey PRIMARY KEY (id);
alter table backups add constraint backups_encryption_check CHECK ((encryption = ANY (ARRAY['encrypted'::text, 'plain'::text, 'unknown'::text])));
alter table backups add constraint backups_object_key_key UNIQUE (object_key);
alter table backups add constraint backups_state_check CHECK ((state = ANY (ARRAY['kept'::text, 'damaged'::text, 'lost'::text])));
alter table backups add constraint backups_system_id_fkey FOREIGN KEY (system_id) REFERENCES systems(id) ON DELETE CASCADE;
CREATE INDEX backups_by_system ON public.backups USING btree (system_id, uploaded_at DESC, id DESC);
CREATE INDEX backups_to_check ON public.backups USING btree (checked_at, id) WHERE (state <> 'lost'::text);
CREATE TRIGGER count_usage AFTER INSERT OR DELETE OR UPDATE OF size ON public.backups FOR EACH ROW EXECUTE FUNCTION count_backup_usage();
CREATE TRIGGER remove_object AFTER DELETE ON public.backups FOR EACH ROW EXECUTE FUNCTION remove_backup_object();

create table erased_secrets (
  secret_public text not null,
  secret_sha256 text not null,
  erased_at timestamp with time zone not null
);
alter table erased_secrets add constraint erased_secrets_pkey PRIMARY KEY (secret_public);

create table feed_epochs (
  epoch integer not null,
  server text not null
);
alter table feed_epochs add constraint feed_epochs_pkey PRIMARY KEY (epoch);

create table fleet_facts (
  id integer generated always as identity not null,
  hash bigint not null,
  type text not null,
  path_id integer not null,
  value text not null,
  systems integer default 0 not null,
  magnitude smallint generated always as (length(to_hex(systems))) stored not null
) with (fillfactor=80);
alter table fleet_facts add constraint fleet_facts_pkey PRIMARY KEY (id);
alter table fleet_facts add constraint fleet_facts_hash_key UNIQUE (hash);
CREATE INDEX fleet_facts_by_magnitude ON public.fleet_facts USING btree (type, magnitude);
CREATE INDEX fleet_facts_by_value ON public.fleet_facts USING btree (path_id, value);

create table fleet_holders (
  path_id integer not null,
  fact_id integer not null,
  system_no integer not null
);
alter table fleet_holders add constraint fleet_holders_pkey PRIMARY KEY (path_id, fact_id, system_no);

create table fleet_paths (
  id integer generated always as identity not null,
  path text not null
);
alter table fleet_paths add constraint fleet_paths_pkey PRIMARY KEY (id);
alter table fleet_paths add constraint fleet_paths_path_key UNIQUE (path);

create table fleet_systems (
  system_id uuid not null,
  system_no integer generated always as identity not null,
  type text not null,
  facts bytea not null,
  truncated boolean not null
);
alter table fleet_systems add constraint fleet_systems_pkey PRIMARY KEY (system_id) INCLUDE (system_no);
alter table fleet_systems add constraint fleet_systems_system_id_fkey FOREIGN KEY (system_id) REFERENCES systems(id) ON DELETE CASCADE;
alter table fleet_systems add constraint fleet_systems_system_no_key UNIQUE (system_no);
CREATE INDEX fleet_systems_by_type ON public.fleet_systems USING btree (type, system_no);
CREATE TRIGGER fleet_systems_forgotten BEFORE DELETE ON public.fleet_systems FOR EACH ROW EXECUTE FUNCTION forget_fleet_facts();

create table former_changes (
  system_id uuid not null,
  former_id bigint not null,
  field_path text not null,
  change_type text not null,
  category text,
  severity text not null,
  previous_value jsonb,
  current_value jsonb,
  detected_at timestamp with time zone not null
);
alter table former_changes add constraint former_changes_pkey PRIMARY KEY (system_id, former_id);
alter table former_changes add constraint former_changes_change_type_check CHECK ((change_type = ANY (ARRAY['create'::text, 'update'::text, 'delete'::text])));
alter table former_changes add constraint former_changes_system_id_fkey FOREIGN KEY (system_id) REFERENCES systems(id) ON DELETE CASCADE;
CREATE INDEX former_changes_by_time ON public.former_changes USING btree (system_id, detected_at DESC);

create table gateways (
  id uuid not null,
  listening_since timestamp with time zone not null,
  seen_at timestamp with time zone not null
);
alter table gateways add constraint gateways_pkey PRIMARY KEY (id);

create table held_job_keys (
  queue text not null,
  key text not null,
  held_until timestamp with time zone not null
);
alter table held_job_keys add constraint held_job_keys_pkey PRIMARY KEY (queue, key);

create table import_progress (
  system_id uuid not null,
  last_record_id bigint not null,
  last_change_id bigint not null,
  seen_until timestamp with time zone not null
);
alter table import_progress add constraint import_progress_pkey PRIMARY KEY (system_id);
alter table import_progress add constraint import_progress_system_id_fkey FOREIGN KEY (system_id) REFERENCES systems(id) ON DELETE CASCADE;

create table inventory_alerts (
  id uuid not null,
  system_id uuid not null,
  diff_id uuid,
  alert_type text not null,
  message text not null,
  severity text not null,
  is_resolved boolean default false not null,
  resolved_at timestamp with time zone,
  created_at timestamp with time zone not null,
  cause text not null,
  seen_at timestamp with time zone,
  resolution text
);
alter table inventory_alerts add constraint inventory_alerts_pkey PRIMARY KEY (id);
alter table inventory_alerts add constraint inventory_alerts_diff_id_fkey FOREIGN KEY (diff_id) REFERENCES inventory_diffs(id) ON DELETE CASCADE;
alter table inventory_alerts add constraint inventory_alerts_resolution_check CHECK ((resolution = ANY (ARRAY['cause_gone'::text, 'operator'::text, 'accepted'::text, 'age'::text])));
alter table inventory_alerts add constraint inventory_alerts_severity_check CHECK ((severity = ANY (ARRAY['low'::text, 'medium'::text, 'high'::text, 'critical'::text])));
alter table inventory_alerts add constraint inventory_alerts_system_id_fkey FOREIGN KEY (system_id) REFERENCES systems(id) ON DELETE CASCADE;
CREATE INDEX inventory_alerts_accepted ON public.inventory_alerts USING btree (system_id) WHERE (resolution = 'accepted'::text);
CREATE INDEX inventory_alerts_by_cause ON public.inventory_alerts USING btree (system_id, alert_type, cause, seen_at);
CREATE INDEX inventory_alerts_by_system ON public.inventory_alerts USING btree (system_id, created_at DESC);
CREATE UNIQUE INDEX inventory_alerts_once ON public.inventory_alerts USING btree (diff_id, alert_type);
CREATE UNIQUE INDEX inventory_alerts_one_open ON public.inventory_alerts USING btree (system_id, alert_type, cause) WHERE (NOT is_resolved);
CREATE INDEX inventory_alerts_open ON public.inventory_alerts USING btree (created_at DESC, id DESC) WHERE (NOT is_resolved);
CREATE INDEX inventory_alerts_recent ON public.inventory_alerts USING btree (created_at DESC, id DESC);
CREATE INDEX inventory_alerts_resolved ON public.inventory_alerts USING btree (resolved_at) WHERE is_resolved;

create table inventory_budgets (
  owner text not null,
  day date not null,
  bytes bigint not null
) with (fillfactor=70);
alter table inventory_budgets add constraint inventory_budgets_pkey PRIMARY KEY (owner, day);

create table inventory_diffs (
  id uuid not null,
  system_id uuid not null,
  record_id uuid not null,
  previous_record_id uuid not null,
  position integer not null,
  pointer text not null,
  field_path text not null,
  change_type text not null,
  category text not null,
  severity text not null,
  significant boolean not null,
  previous_value json,
  current_value json,
  detected_at timestamp with time zone not null,
  feed_epoch integer default feed_epoch() not null,
  feed_transaction xid8 default pg_current_xact_id() not null,
  folded text,
  value_bytes integer,
  elements json
);
alter table inventory_diffs add constraint inventory_diffs_pkey PRIMARY KEY (id);
alter table inventory_diffs add constraint inventory_diffs_change_type_check CHECK ((change_type = ANY (ARRAY['create'::text, 'update'::text, 'delete'::text])));
alter table inventory_diffs add constraint inventory_diffs_folded_check CHECK ((folded = ANY (ARRAY['rule'::text, 'partial'::text, 'learned'::text, 'pinned'::text])));
alter table inventory_diffs add constraint inventory_diffs_severity_check CHECK ((severity = ANY (ARRAY['low'::text, 'medium'::text, 'high'::text, 'critical'::text])));
alter table inventory_diffs add constraint inventory_diffs_system_id_fkey FOREIGN KEY (system_id) REFERENCES systems(id) ON DELETE CASCADE;
CREATE INDEX inventory_diffs_feed ON public.inventory_diffs USING btree (feed_epoch, feed_transaction, id);
CREATE UNIQUE INDEX inventory_diffs_once ON public.inventory_diffs USING btree (record_id, "position");
CREATE INDEX inventory_diffs_recent ON public.inventory_diffs USING btree (detected_at, severity) WHERE significant;
CREATE INDEX inventory_diffs_significant ON public.inventory_diffs USING btree (system_id, detected_at) WHERE significant;
CREATE INDEX inventory_diffs_timeline ON public.inventory_diffs USING btree (system_id, detected_at, record_id, "position");

create table inventory_noise_days (
  system_id uuid not null,
  path text not null,
  days bigint not null,
  last_day date not null
);
alter table inventory_noise_days add constraint inventory_noise_days_pkey PRIMARY KEY (system_id, path);
alter table inventory_noise_days add constraint inventory_noise_days_system_id_fkey FOREIGN KEY (system_id) REFERENCES systems(id) ON DELETE CASCADE;

create table inventory_noise_pins (
  path text not null,
  pin text not null,
  pinned_at timestamp with time zone not null
);
alter table inventory_noise_pins add constraint inventory_noise_pins_pkey PRIMARY KEY (path);
alter table inventory_noise_pins add constraint inventory_noise_pins_pin_check CHECK ((pin = ANY (ARRAY['fold'::text, 'show'::text])));

create table inventory_noise_places (
  organization_id text not null,
  path text not null,
  systems integer not null,
  steady integer not null,
  rate real not null,
  last_day date not null,
  learned boolean not null,
  learned_at timestamp with time zone
);
alter table inventory_noise_places add constraint inventory_noise_places_pkey PRIMARY KEY (organization_id, path);

create table inventory_pruned_days (
  system_id uuid not null,
  day date not null,
  records integer not null
);
alter table inventory_pruned_days add constraint inventory_pruned_days_pkey PRIMARY KEY (system_id, day);
alter table inventory_pruned_days add constraint inventory_pruned_days_system_id_fkey FOREIGN KEY (system_id) REFERENCES systems(id) ON DELETE CASCADE;

create table inventory_records (
  id uuid not null,
  system_id uuid not null,
  received_at timestamp with time zone not null,
  last_seen_at timestamp with time zone not null,
  data json not null,
  data_hash text not null,
  data_size bigint not null,
  repaired integer default 0 not null,
  partial_reasons text[] default '{}'::text[] not null,
  previous_record_id uuid,
  diffed_at timestamp with time zone,
  change_count integer default 0 not null,
  pinned_at timestamp with time zone,
  device_time timestamp with time zone
);
alter table inventory_records add constraint inventory_records_pkey PRIMARY KEY (id);
alter table inventory_records add constraint inventory_records_system_id_fkey FOREIGN KEY (system_id) REFERENCES systems(id) ON DELETE CASCADE;
CREATE UNIQUE INDEX inventory_records_chain ON public.inventory_records USING btree (system_id, received_at, id);

create table jobs (
  id bigint default nextval('jobs_id_seq'::regclass) not null,
  queue text not null,
  state text not null,
  due_at timestamp with time zone not null,
  place bigint not null,
  lane text,
  key text,
  attempt integer default 0 not null,
  lease uuid,
  reason text,
  pushed_at timestamp with time zone not null,
  payload_bytes integer not null,
  payload text not null
) with (autovacuum_analyze_scale_factor=0, autovacuum_analyze_threshold=5000, autovacuum_vacuum_cost_delay=0, autovacuum_vacuum_insert_scale_factor=0, autovacuum_vacuum_insert_threshold=20000, autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=2000, fillfactor=80, toast.autovacuum_vacuum_cost_delay=0, toast.autovacuum_vacuum_scale_factor=0, toast.autovacuum_vacuum_threshold=2000, toast.vacuum_truncate=off, vacuum_truncate=off);
alter table jobs add constraint jobs_pkey PRIMARY KEY (id);
alter table jobs add constraint jobs_state_check CHECK ((state = ANY (ARRAY['ready'::text, 'blocked'::text, 'active'::text, 'dead'::text])));
CREATE INDEX jobs_blocked ON public.jobs USING btree (queue, due_at) WHERE (state = 'blocked'::text);
CREATE UNIQUE INDEX jobs_by_key ON public.jobs USING btree (queue, key) WHERE (key IS NOT NULL);
CREATE INDEX jobs_by_lane ON public.jobs USING btree (lane, place) WHERE ((lane IS NOT NULL) AND (state <> 'dead'::text));
CREATE INDEX jobs_claimable ON public.jobs USING btree (queue, due_at, place) INCLUDE (state) WHERE (state = ANY (ARRAY['ready'::text, 'active'::text]));
CREATE INDEX jobs_dead ON public.jobs USING btree (queue, id) WHERE (state = 'dead'::text);

create table link_failures (
  system_id uuid not null,
  organization_id text not null,
  tenant text,
  state text not null,
  labels jsonb,
  starts_at timestamp with time zone not null
);
alter table link_failures add constraint link_failures_pkey PRIMARY KEY (system_id);
alter table link_failures add constraint link_failures_state_check CHECK ((state = ANY (ARRAY['new'::text, 'single'::text, 'covered'::text])));
alter table link_failures add constraint link_failures_system_id_fkey FOREIGN KEY (system_id) REFERENCES systems(id) ON DELETE CASCADE;
CREATE INDEX link_failures_by_organization ON public.link_failures USING btree (organization_id, state);

create table operator_tokens (
  id uuid not null,
  name text not null,
  token_sha256 text not null,
  created_at timestamp with time zone not null,
  last_used_at timestamp with time zone,
  revoked_at timestamp with time zone
);
alter table operator_tokens add constraint operator_tokens_pkey PRIMARY KEY (id);
alter table operator_tokens add constraint operator_tokens_token_sha256_key UNIQUE (token_sha256);

create table organizations (
  id text not null,
  name text not null,
  type text not null,
  tenant text,
  vat text default ''::text not null,
  created_at timestamp with time zone not null,
  suspended_at timestamp with time zone,
  resumed_at timestamp with time zone
);
alter table organizations add constraint organizations_pkey PRIMARY KEY (id);
alter table organizations add constraint organizations_type_check CHECK ((type = ANY (ARRAY['owner'::text, 'distributor'::text, 'reseller'::text, 'customer'::text])));

create table schema_migrations (
  version integer not null,
  name text not null,
  checksum text not null,
  applied_at timestamp with time zone default now() not null
);
alter table schema_migrations add constraint schema_migrations_pkey PRIMARY KEY (version);

create table site_failures (
  organization_id text not null,
  tenant text not null,
  labels jsonb not null,
  starts_at timestamp with time zone not null,
  peak integer not null
);
alter table site_failures add constraint site_failures_pkey PRIMARY KEY (organization_id);

create table system_heartbeats (
  system_id uuid not null,
  last_heartbeat timestamp with time zone not null
) with (autovacuum_vacuum_scale_factor=0.05, fillfactor=70);
alter table system_heartbeats add constraint system_heartbeats_pkey PRIMARY KEY (system_id);
alter table system_heartbeats add constraint system_heartbeats_system_id_fkey FOREIGN KEY (system_id) REFERENCES systems(id) ON DELETE CASCADE;

create table system_products (
  system_id uuid not null,
  installed jsonb not null,
  review bigint default 0 not null
);
alter table system_products add constraint system_products_pkey PRIMARY KEY (system_id);
alter table system_products add constraint system_products_system_id_fkey FOREIGN KEY (system_id) REFERENCES systems(id) ON DELETE CASCADE;
CREATE INDEX system_products_by_review ON public.system_products USING btree (review);

create table system_secrets (
  secret_public text not null,
  system_id uuid not null,
  secret_sha256 text not null,
  created_at timestamp with time zone not null,
  expires_at timestamp with time zone,
  last_used_at timestamp with time zone
);
alter table system_secrets add constraint system_secrets_pkey PRIMARY KEY (secret_public);
alter table system_secrets add constraint system_secrets_system_id_fkey FOREIGN KEY (system_id) REFERENCES systems(id) ON DELETE CASCADE;
CREATE INDEX system_secrets_by_system ON public.system_secrets USING btree (system_id);

create table system_status_changes (
  id bigint generated always as identity not null,
  system_id uuid not null,
  status text not null,
  changed_at timestamp with time zone not null
);
alter table system_status_changes add constraint system_status_changes_pkey PRIMARY KEY (id);
alter table system_status_changes add constraint system_status_changes_status_check CHECK ((status = ANY (ARRAY['active'::text, 'inactive'::text])));
alter table system_status_changes add constraint system_status_changes_system_id_fkey FOREIGN KEY (system_id) REFERENCES systems(id) ON DELETE CASCADE;
CREATE INDEX system_status_changes_by_system ON public.system_status_changes USING btree (system_id, changed_at DESC);

create table system_suspensions (
  system_id uuid not null,
  suspended_at timestamp with time zone not null,
  resumed_at timestamp with time zone
);
alter table system_suspensions add constraint system_suspensions_pkey PRIMARY KEY (system_id, suspended_at);
alter table system_suspensions add constraint system_suspensions_system_id_fkey FOREIGN KEY (system_id) REFERENCES systems(id) ON DELETE CASCADE;

create table systems (
  id uuid not null,
  name text not null,
  type text,
  fqdn text,
  version text,
  ipv4_address inet,
  ipv6_address inet,
  status text default 'unknown'::text not null,
  organization_id text not null,
  system_key text not null,
  created_at timestamp with time zone not null,
  registered_at timestamp with time zone,
  suspended_at timestamp with time zone,
  last_inventory_at timestamp with time zone
) with (fillfactor=85);
alter table systems add constraint systems_pkey PRIMARY KEY (id);
alter table systems add constraint systems_status_check CHECK ((status = ANY (ARRAY['unknown'::text, 'active'::text, 'inactive'::text])));
alter table systems add constraint systems_system_key_key UNIQUE (system_key);
CREATE INDEX systems_by_name ON public.systems USING btree (natural_order(name), id);
CREATE INDEX systems_by_organization ON public.systems USING btree (organization_id);
CREATE INDEX systems_by_registration ON public.systems USING btree (registered_at);
CREATE INDEX systems_by_status ON public.systems USING btree (status);
CREATE INDEX systems_by_type_version ON public.systems USING btree (type, version);

create sequence jobs_id_seq as bigint increment 1 start 1;

CREATE OR REPLACE FUNCTION public.bury_job(at timestamp with time zone, job_id bigint, held_lease uuid, lane_name text, why text, OUT buried boolean, OUT woken text[])
 RETURNS record
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
AS $function$
declare
  left_place bigint;
begin
  perform lock_job_names(array[lane_name]);
  update jobs set state = 'dead', lease = null, reason = why, due_at = at
  where id = job_id and state = 'active' and lease = held_lease returning place into left_place;
  buried := found;
  if buried then
    woken := unblock_jobs(at, array[lane_name], array[left_place]);
  end if;
end $function$;

CREATE OR REPLACE FUNCTION public.claim_jobs(at timestamp with time zone, queues text[], max_count integer, max_bytes bigint, new_lease uuid, lease_ms bigint)
 RETURNS TABLE(id bigint, queue text, payload text, key text, lane text, attempt integer, pushed_at timestamp with time zone, nth integer)
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
AS $function$
#variable_conflict use_column
declare
  taken bigint[];
  bytes bigint;
begin
  if cardinality(queues) = 1 then
    select array_agg(id), sum(payload_bytes) into taken, bytes from (
      select j.id, j.payload_bytes from jobs j
      where j.queue = queues[1] and j.state in ('ready', 'active') and j.due_at <= at
      order by j.due_at, j.place limit max_count for update skip locked
    ) as due;
  end if;
  if bytes > max_bytes or cardinality(queues) <> 1 then
    select array_agg(id order by nth) into taken from (
      select id, row_number() over oldest as nth, sum(payload_bytes) over oldest as total_bytes
      from unnest(queues) as q (name) cross join lateral (
        select j.id, j.due_at, j.place, j.payload_bytes from jobs j
        where j.queue = q.name and j.state in ('ready', 'active') and j.due_at <= at
        order by j.due_at, j.place limit max_count for update skip locked
      ) as due
      window oldest as (order by due_at, place rows unbounded preceding)
    ) as candidates
    where nth <= max_count and (nth = 1 or total_bytes <= max_bytes);
  end if;
  if taken is null then
    return;
  end if;
  return query
    update jobs j set state = 'active', lease = new_lease, attempt = j.attempt + 1,
      due_at = at + lease_ms * interval '1 millisecond'
    from unnest(taken) with ordinality as t (id, nth) where j.id = t.id
    returning j.id, j.queue, j.payload, j.key, j.lane, j.attempt, j.pushed_at, t.nth::integer;
end $function$;

CREATE OR REPLACE FUNCTION public.count_backup_usage()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if tg_op <> 'INSERT' then
    update backup_usage set bytes = bytes - old.size where organization_id = old.organization_id;
  end if;
  if tg_op <> 'DELETE' then
    insert into backup_usage values (new.organization_id, new.size)
    on conflict (organization_id) do update set bytes = backup_usage.bytes + excluded.bytes;
  end if;
  return null;
end $function$;

CREATE OR REPLACE FUNCTION public.count_jobs(at timestamp with time zone)
 RETURNS TABLE(queue text, pending bigint, delayed bigint, active bigint, dead bigint, oldest timestamp with time zone)
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
AS $function$
#variable_conflict use_column
begin
  return query
    select queue, count(*) filter (where due_at <= at), count(*) filter (where due_at > at and state = 'ready'),
      count(*) filter (where due_at > at and state = 'active'), 0::bigint, min(due_at) filter (where due_at <= at)
    from jobs where state in ('ready', 'active') group by queue;
  return query
    select queue, count(*) filter (where due_at <= at), count(*) filter (where due_at > at), 0::bigint, 0::bigint,
      min(due_at) filter (where due_at <= at)
    from jobs where state = 'blocked' group by queue;
  return query select queue, 0::bigint, 0::bigint, 0::bigint, count(*), null::timestamptz from jobs where state = 'dead' group by queue;
end $function$;

CREATE OR REPLACE FUNCTION public.count_waiting_jobs()
 RETURNS bigint
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
AS $function$
begin
  return (select count(*) from jobs where state = 'ready') + (select count(*) from jobs where state = 'blocked');
end $function$;

CREATE OR REPLACE FUNCTION public.discard_job_lane(at timestamp with time zone, lane_name text)
 RETURNS bigint
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
AS $function$
declare
  living bigint;
  dead bigint;
begin
  perform lock_job_names(array[lane_name]);
  delete from jobs where lane = lane_name and state <> 'dead' and not (state = 'active' and due_at > at);
  get diagnostics living = row_count;
  delete from jobs where lane = lane_name and state = 'dead';
  get diagnostics dead = row_count;
  return living + dead;
end $function$;

CREATE OR REPLACE FUNCTION public.feed_epoch()
 RETURNS integer
 LANGUAGE plpgsql
AS $function$
begin
  return coalesce((select max(epoch) from feed_epochs), 1);
end $function$;

CREATE OR REPLACE FUNCTION public.forget_fleet_facts()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
declare
  plain bytea := old.facts || ''::bytea;  -- read from its own table once, not once a hash
  hashes bigint[];
begin
  select array_agg(('x' || encode(substr(plain, at, 8), 'hex'))::bit(64)::bigint) into hashes
    from generate_series(1, length(plain), 8) as at;
  perform 1 from fleet_facts where hash = any(hashes) order by id for no key update;
  delete from fleet_holders h using fleet_facts f
    where f.hash = any(hashes) and h.path_id = f.path_id and h.fact_id = f.id and h.system_no = old.system_no;
  update fleet_facts set systems = systems - 1 where hash = any(hashes);
  return old;
end $function$;

CREATE OR REPLACE FUNCTION public.lock_job_names(names text[])
 RETURNS void
 LANGUAGE plpgsql
AS $function$
declare
  slot integer;
begin
  for slot in select distinct hashtext(name) & 1023 from unnest(names) as n (name) where name is not null order by 1 loop
    perform pg_advisory_xact_lock(20562, slot);
  end loop;
end $function$;

CREATE OR REPLACE FUNCTION public.natural_order(name text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
AS $function$
  select regexp_replace(
    regexp_replace(lower(name), '(?<!\d)(\d{1,9})(?!\d)', '000000000\1', 'g'),
    '(?<!\d)0{1,9}(\d{9})(?!\d)', '\1', 'g')
$function$;

CREATE OR REPLACE FUNCTION public.push_jobs(at timestamp with time zone, queues text[], keys text[], lanes text[], delays_ms bigint[], holds_ms bigint[], payloads bytea, starts integer[], sizes integer[])
 RETURNS text[]
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
AS $function$
#variable_conflict use_column
declare
  woken text[];
begin
  perform lock_job_names(array(select queue || e'\n' || key from unnest(queues, keys) as n (queue, key)) || lanes);
  if holds_ms is not null then
    delete from held_job_keys where held_until <= at;
  end if;
  with pushed as (
    select *, min(ord) over (partition by queue, key) as first_ord
    from unnest(queues, keys, lanes, delays_ms, holds_ms, starts, sizes) with ordinality
      as p (queue, key, lane, delay_ms, hold_ms, start, size, ord)
  ), fresh as (
    select *, row_number() over (partition by lane order by ord) as nth_of_lane from pushed p
    where p.key is null or p.ord = p.first_ord
      and (select 1 from jobs j where j.queue = p.queue and j.key = p.key) is null
      and (select 1 from held_job_keys h where h.queue = p.queue and h.key = p.key and h.held_until > at) is null
    order by ord
  ), numbered as (
    select *, nextval('jobs_id_seq') as id from fresh
  ), inserted as (
    insert into jobs (id, place, queue, state, due_at, lane, key, pushed_at, payload_bytes, payload)
    select id, id, queue,
      case
        when lane is null then 'ready'
        when nth_of_lane > 1 then 'blocked'
        -- From the lane's end: there the living ones are, at its start lie those settled since the last vacuum.
        when (select j.id from jobs j where j.lane = n.lane and j.state <> 'dead' order by j.place desc limit 1) is null
          then 'ready'
        else 'blocked'
      end,
      at + delay_ms * interval '1 millisecond', lane, key, at, size, convert_from(substr(payloads, start, size), 'UTF8')
    from numbered n
    returning queue, state, due_at
  ), held as (
    insert into held_job_keys (queue, key, held_until)
    select queue, key, at + hold_ms * interval '1 millisecond' from fresh where key is not null and hold_ms is not null
    on conflict (queue, key) do update set held_until = excluded.held_until
  )
  select array_agg(distinct queue) into woken from inserted where state = 'ready' and due_at <= at;
  return woken;
end $function$;

CREATE OR REPLACE FUNCTION public.redrive_jobs(at timestamp with time zone, queue_name text, only_ids bigint[])
 RETURNS bigint
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
AS $function$
#variable_conflict use_column
declare
  chosen bigint[];
  redriven bigint;
begin
  select array_agg(id) into chosen from jobs
  where queue = queue_name and state = 'dead' and (only_ids is null or id = any(only_ids));
  perform lock_job_names(array(select lane from jobs where id = any(chosen)));
  with dead as (
    select id, lane, row_number() over (partition by lane order by place) as nth_of_lane
    from jobs where id = any(chosen) and state = 'dead' order by place
  ), placed as (
    select *, nextval('jobs_id_seq') as place from dead
  )
  update jobs j set place = p.place, attempt = 0, due_at = at,
    state = case
      when p.lane is null then 'ready'
      when p.nth_of_lane > 1 then 'blocked'
      when (select o.id from jobs o where o.lane = p.lane and o.state <> 'dead' order by o.place desc limit 1) is null
        then 'ready'
      else 'blocked'
    end
  from placed p where j.id = p.id and j.state = 'dead';
  get diagnostics redriven = row_count;
  return redriven;
end $function$;

CREATE OR REPLACE FUNCTION public.remove_backup_object()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  insert into backup_removals (object_key) values (old.object_key) on conflict do nothing;
  update backup_alerts set resolved_at = greatest(now(), opened_at) where backup_id = old.id and resolved_at is null;
  return null;
end $function$;

CREATE OR REPLACE FUNCTION public.settle_free_jobs(ids bigint[], held_lease uuid)
 RETURNS SETOF bigint
 LANGUAGE sql
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
AS $function$
  delete from jobs where id = any(ids) and state = 'active' and lease = held_lease and lane is null returning id
$function$;

CREATE OR REPLACE FUNCTION public.settle_jobs(at timestamp with time zone, ids bigint[], leases uuid[], names text[], owners bigint[], queues text[], keys text[], lanes text[], delays_ms bigint[], holds_ms bigint[], payloads bytea, starts integer[], sizes integer[], OUT settled bigint[], OUT woken text[])
 RETURNS record
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
AS $function$
#variable_conflict use_column
declare
  left_lanes text[];
  left_places bigint[];
begin
  perform lock_job_names(names);
  with gone as (
    delete from jobs where id = any(ids) and state = 'active' and lease = leases[array_position(ids, id)]
    returning id, lane, place
  )
  select array_agg(id), array_agg(lane), array_agg(place) into settled, left_lanes, left_places from gone;
  if settled is null then
    return;
  end if;
  woken := unblock_jobs(at, left_lanes, left_places);
  if cardinality(owners) > 0 then
    select woken || push_jobs(
      at, array_agg(f.queue order by ord), array_agg(f.key order by ord), array_agg(f.lane order by ord),
      array_agg(f.delay_ms order by ord), case when holds_ms is not null then array_agg(f.hold_ms order by ord) end,
      payloads, array_agg(f.start order by ord), array_agg(f.size order by ord)
    ) into woken
    from unnest(owners, queues, keys, lanes, delays_ms, holds_ms, starts, sizes) with ordinality
      as f (owner, queue, key, lane, delay_ms, hold_ms, start, size, ord)
    where f.owner = any(settled);
  end if;
end $function$;

CREATE OR REPLACE FUNCTION public.unblock_jobs(at timestamp with time zone, lanes text[], places bigint[])
 RETURNS text[]
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
AS $function$
#variable_conflict use_column
declare
  woken text[];
begin
  with freed as (
    update jobs set state = 'ready' where id = any(array(
      select (select j.id from jobs j where j.lane = l.lane and j.state = 'blocked' and j.place > l.place order by j.place limit 1)
      from unnest(lanes, places) as l (lane, place) where l.lane is not null
    ))
    returning queue, due_at
  )
  select array_agg(distinct queue) into woken from freed where due_at <= at;
  return woken;
end $function$;
