-- Alerts in control.sqlite, version 1. Times are nanoseconds since the Unix epoch; 0 is "never".

CREATE TABLE alert_rules (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- never used twice: history and receivers refer to it
    name TEXT NOT NULL,
    signal TEXT NOT NULL,
    threshold REAL NOT NULL,
    service TEXT NOT NULL,
    op TEXT NOT NULL,
    window_s INTEGER NOT NULL,
    for_s INTEGER NOT NULL,
    keep_firing_for_s INTEGER NOT NULL,
    min_calls INTEGER NOT NULL,
    webhook_url TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    created_ns INTEGER NOT NULL,
    updated_ns INTEGER NOT NULL,
    deleted INTEGER NOT NULL DEFAULT 0, -- kept until its last alerts are resolved and told
    error TEXT NOT NULL DEFAULT '' -- why the latest evaluation failed
) STRICT;

CREATE TABLE alerts (
    rule_id INTEGER NOT NULL,
    rule_name TEXT NOT NULL,
    service TEXT NOT NULL,
    state TEXT NOT NULL,
    value REAL NOT NULL,
    threshold REAL NOT NULL,
    active_since_ns INTEGER NOT NULL,
    fired_ns INTEGER NOT NULL,
    keep_firing_since_ns INTEGER NOT NULL,
    resolved_ns INTEGER NOT NULL,
    evaluated_ns INTEGER NOT NULL,
    PRIMARY KEY (rule_id, service)
) STRICT;

CREATE TABLE alert_messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    rule_id INTEGER NOT NULL,
    target TEXT NOT NULL, -- holds secrets: never shown, never logged
    body TEXT NOT NULL, -- collector.alerts.notification.Notification as JSON
    test INTEGER NOT NULL,
    created_ns INTEGER NOT NULL,
    due_ns INTEGER NOT NULL, -- not before this moment
    attempts INTEGER NOT NULL DEFAULT 0,
    status TEXT NOT NULL DEFAULT 'waiting', -- waiting, delivered, failed or superseded
    reason TEXT NOT NULL DEFAULT '', -- of the latest failure
    attempted_ns INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX alert_messages_waiting ON alert_messages (due_ns) WHERE status = 'waiting';

CREATE TABLE alert_transitions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ns INTEGER NOT NULL,
    rule_id INTEGER NOT NULL,
    rule_name TEXT NOT NULL,
    service TEXT NOT NULL,
    state TEXT NOT NULL,
    value REAL NOT NULL,
    message_id INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX alert_transitions_rule ON alert_transitions (rule_id, id);
