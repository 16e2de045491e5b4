"""How platforms are called by people. Keys are values of cloud.platform in the semantic conventions."""

from __future__ import annotations

NAMES = {
    "alibaba_cloud_fc": "Alibaba FC",
    "aws_lambda": "AWS Lambda",
    "azure_functions": "Azure Functions",
    "azure.functions": "Azure Functions",
    "gcp_cloud_functions": "Google Functions",
    "gcp_cloud_run": "Cloud Run",
    "ibm_cloud_code_engine": "IBM Code Engine",
    "knative": "Knative",
    "openfaas": "OpenFaaS",
    "tencent_cloud_scf": "Tencent SCF",
}


def platform_name(key: str) -> str:
    """The name people use; the key itself for platforms unknown here."""
    return NAMES.get(key, key)
