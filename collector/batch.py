"""What a decoder makes and an engine stores: a batch of one of the three signals."""

from __future__ import annotations

from collector.model import SpanBatch
from collector.model_logs import LogBatch
from collector.model_metrics import MetricBatch

Batch = SpanBatch | LogBatch | MetricBatch
