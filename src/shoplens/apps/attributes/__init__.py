"""What products are like: values found in their texts and photos, completed, put right, and what they are worth."""
