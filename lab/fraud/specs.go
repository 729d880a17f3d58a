package fraud

import "github.com/howdah/howdah/lab/model"

// Specs are the models that the lab trains.
func Specs() []model.Spec {
	return []model.Spec{
		{Name: "baseline", Kind: model.Logistic, L2: 1, Features: []string{"log_amount", "hour_sin", "hour_cos", "is_weekend", "is_online"}},
		{Name: "lr", Kind: model.Logistic, L2: 1},
	}
}
