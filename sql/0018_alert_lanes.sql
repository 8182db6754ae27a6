-- A system with an alert that Alertmanager refuses is delivered by itself, so that no other one waits for it.
alter table alert_outbox add column apart boolean not null default false;

drop index alert_outbox_undelivered;
create index alert_outbox_undelivered on alert_outbox (tenant, position) where delivered_position < position and not apart;
create index alert_outbox_apart on alert_outbox (subject, position) where delivered_position < position and apart;
-- Who was refused lately; and the list of what was, newest first.
create index alert_outbox_suspects on alert_outbox (subject) where refused is not null;
create index alert_outbox_refused on alert_outbox (updated_at desc, subject desc, fingerprint desc) where refused is not null;
