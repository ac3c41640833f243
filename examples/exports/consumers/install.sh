#!/bin/sh
# The trainers' own code, each in its own environment, and what it reads of our exports. Outside CI: it downloads a few
# gigabytes. Where torch has no CUDA, torchvision is taken without its dependencies and `cpu_torch.py` lets it load.
#
#     sh install.sh FOLDER                     # FOLDER/swift, FOLDER/llamafactory, FOLDER/verl
#
# Then, with a folder that holds a Qwen2.5-VL configuration, tokenizer and processor as MODEL:
#
#     ROOT_IMAGE_DIR=OUT FOLDER/swift/bin/python swift_reads.py OUT/train.jsonl --model MODEL
#     FOLDER/llamafactory/bin/python llama_factory_reads.py OUT VIEW_train --model MODEL
#     VERL_USE_EXTERNAL_MODULES=verl_pgpo PYTHONPATH=OUT FOLDER/verl/bin/python verl_reads.py OUT/train.parquet --model MODEL
set -eu
folder=$1
torch=${TORCH:-torch==2.13.0}
vision=${TORCHVISION:-torchvision==0.28.0}

python3 -m venv "$folder/swift"
"$folder/swift/bin/pip" install "$torch" 'transformers<5.20' 'datasets>=4.0,<4.8.5' 'peft>=0.11,<0.21' 'trl>=0.15,<1.0' \
    accelerate 'modelscope>=1.23' addict aiohttp attrdict av binpacking charset-normalizer dacite einops fastapi \
    importlib-metadata json-repair matplotlib nltk numpy openai pandas pillow PyYAML requests rouge safetensors scipy \
    sentencepiece simplejson sortedcontainers tiktoken tqdm uvicorn zstandard
"$folder/swift/bin/pip" install --no-deps ms-swift==4.6.0 qwen-vl-utils "$vision"

python3 -m venv "$folder/llamafactory"
"$folder/llamafactory/bin/pip" install "$torch" 'transformers>=4.55,<=5.6.0' 'datasets<=4.0.0' 'accelerate<=1.11.0' \
    'peft>=0.18.0,<=0.18.1' 'trl>=0.18,<=0.24.0' 'av<=16.0.0' 'tyro<0.9.0' einops fire matplotlib modelscope numpy \
    omegaconf packaging pandas pillow protobuf pydantic pyyaml safetensors scipy sentencepiece tiktoken
"$folder/llamafactory/bin/pip" install --no-deps llamafactory==0.9.5 "$vision"

python3 -m venv "$folder/verl"
"$folder/verl/bin/pip" install "$torch" 'transformers>=5.5.3,<5.11' 'tensordict<=0.10' 'TransferQueue>=0.1.10' \
    aiohttp av cachetools codetiming datasets fastapi hydra-core numpy omegaconf packaging pandas peft pillow psutil \
    pyarrow pybind11 qwen-vl-utils ray torchdata uvicorn
"$folder/verl/bin/pip" install --no-deps verl==0.9.1 "$vision"
