"""Customer churn for a mobile operator: from raw customer rows to a registered model."""
