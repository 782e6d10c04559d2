"""Where in a small net each layer of Keras is, and with what arguments."""

from keras import layers
from net_parts import CHANNELS
from net_parts import COLUMNS
from net_parts import ROWS
from net_parts import attention
from net_parts import image
from net_parts import numbers
from net_parts import pixels
from net_parts import sequence
from net_parts import two
from net_parts import vector
from net_parts import volume

# Title of a net -> function that returns how the layer is called. A title is
# the name of a class, with the arguments that matter after it.
LAYERS = {
    # activations
    "Activation": lambda: image(layers.Activation("tanh")),
    "ELU": lambda: image(layers.ELU()),
    "LeakyReLU": lambda: image(layers.LeakyReLU()),
    "PReLU": lambda: image(layers.PReLU()),
    "PReLU(shared_axes=[1, 2])": lambda: image(
        layers.PReLU(shared_axes=[1, 2])
    ),
    "ReLU": lambda: image(layers.ReLU()),
    "ReLU(max_value=6, negative_slope=0.1)": lambda: image(layers.ReLU(6, 0.1)),
    "Softmax": lambda: image(layers.Softmax()),
    # attention
    "AdditiveAttention": lambda: attention(layers.AdditiveAttention()),
    "Attention": lambda: attention(layers.Attention()),
    "GroupQueryAttention": lambda: attention(
        layers.GroupQueryAttention(4, 4, 2), False
    ),
    "MultiHeadAttention": lambda: attention(
        layers.MultiHeadAttention(2, 4), False
    ),
    # convolutional
    "Conv1D": lambda: sequence(layers.Conv1D(8, 3, padding="same")),
    "Conv1D(padding='causal')": lambda: sequence(
        layers.Conv1D(8, 3, padding="causal")
    ),
    "Conv1DTranspose": lambda: sequence(
        layers.Conv1DTranspose(8, 3, strides=2, padding="same")
    ),
    "Conv2D": lambda: image(layers.Conv2D(8, 3)),
    "Conv2D(dilation_rate=2)": lambda: image(
        layers.Conv2D(8, 3, dilation_rate=2, padding="same")
    ),
    "Conv2D(groups=2)": lambda: image(
        layers.Conv2D(8, 3, groups=2, padding="same")
    ),
    "Conv2D(strides=2)": lambda: image(
        layers.Conv2D(8, 3, strides=2, padding="same")
    ),
    "Conv2DTranspose": lambda: image(
        layers.Conv2DTranspose(8, 3, strides=2, padding="same")
    ),
    "Conv2DTranspose(padding='valid')": lambda: image(
        layers.Conv2DTranspose(8, 3, strides=2)
    ),
    "Conv3D": lambda: volume(layers.Conv3D(4, 3, padding="same")),
    "Conv3DTranspose": lambda: volume(
        layers.Conv3DTranspose(2, 3, strides=2, padding="same")
    ),
    "DepthwiseConv1D": lambda: sequence(
        layers.DepthwiseConv1D(3, padding="same")
    ),
    "DepthwiseConv2D": lambda: image(layers.DepthwiseConv2D(3, padding="same")),
    "DepthwiseConv2D(dilation_rate=2)": lambda: image(
        layers.DepthwiseConv2D(3, dilation_rate=2, padding="same")
    ),
    "DepthwiseConv2D(depth_multiplier=2, strides=2)": lambda: image(
        layers.DepthwiseConv2D(3, depth_multiplier=2, strides=2, padding="same")
    ),
    "SeparableConv1D": lambda: sequence(
        layers.SeparableConv1D(8, 3, padding="same")
    ),
    "SeparableConv2D": lambda: image(
        layers.SeparableConv2D(8, 3, padding="same")
    ),
    # core
    "Dense": lambda: image(layers.Dense(8)),
    "EinsumDense": lambda: image(
        layers.EinsumDense("abcd,de->abce", (None, None, 8))
    ),
    "Embedding": lambda: numbers(layers.Embedding(256, 8)),
    "Identity": lambda: image(layers.Identity()),
    "Lambda": lambda: image(layers.Lambda(lambda x: x * 2 + 1)),
    "Masking": lambda: sequence(layers.Masking()),
    "ReversibleEmbedding": lambda: numbers(layers.ReversibleEmbedding(256, 8)),
    # merging
    "Add": lambda: two(layers.Add()),
    "Average": lambda: two(layers.Average()),
    "Concatenate": lambda: two(layers.Concatenate()),
    "Dot": lambda: attention(layers.Dot(axes=2)),
    "Maximum": lambda: two(layers.Maximum()),
    "Minimum": lambda: two(layers.Minimum()),
    "Multiply": lambda: two(layers.Multiply()),
    "Subtract": lambda: two(layers.Subtract()),
    # normalization
    "BatchNormalization": lambda: image(layers.BatchNormalization()),
    "GroupNormalization": lambda: image(layers.GroupNormalization(4)),
    "LayerNormalization": lambda: image(layers.LayerNormalization()),
    "LayerNormalization(axis=[1, 2, 3])": lambda: image(
        layers.LayerNormalization([1, 2, 3])
    ),
    "RMSNormalization": lambda: image(layers.RMSNormalization()),
    "SpectralNormalization": lambda: image(
        layers.SpectralNormalization(layers.Conv2D(8, 3, padding="same"))
    ),
    "UnitNormalization": lambda: image(layers.UnitNormalization()),
    # pooling
    "AdaptiveAveragePooling1D": lambda: sequence(
        layers.AdaptiveAveragePooling1D(10)
    ),
    "AdaptiveAveragePooling2D": lambda: image(
        layers.AdaptiveAveragePooling2D((4, 6))
    ),
    "AdaptiveAveragePooling3D": lambda: volume(
        layers.AdaptiveAveragePooling3D((4, 6, 3))
    ),
    "AdaptiveMaxPooling1D": lambda: sequence(layers.AdaptiveMaxPooling1D(10)),
    "AdaptiveMaxPooling2D": lambda: image(layers.AdaptiveMaxPooling2D((4, 6))),
    "AdaptiveMaxPooling3D": lambda: volume(
        layers.AdaptiveMaxPooling3D((4, 6, 3))
    ),
    "AveragePooling1D": lambda: sequence(layers.AveragePooling1D(2)),
    "AveragePooling2D": lambda: image(
        layers.AveragePooling2D(3, 2, padding="same")
    ),
    "AveragePooling3D": lambda: volume(layers.AveragePooling3D(2)),
    "GlobalAveragePooling1D": lambda: sequence(layers.GlobalAveragePooling1D()),
    "GlobalAveragePooling2D": lambda: image(layers.GlobalAveragePooling2D()),
    "GlobalAveragePooling3D": lambda: volume(layers.GlobalAveragePooling3D()),
    "GlobalMaxPooling1D": lambda: sequence(layers.GlobalMaxPooling1D()),
    "GlobalMaxPooling2D": lambda: image(layers.GlobalMaxPooling2D()),
    "GlobalMaxPooling3D": lambda: volume(layers.GlobalMaxPooling3D()),
    "MaxPooling1D": lambda: sequence(layers.MaxPooling1D(2)),
    "MaxPooling2D": lambda: image(layers.MaxPooling2D(3, 2, padding="same")),
    "MaxPooling3D": lambda: volume(layers.MaxPooling3D(2)),
    # preprocessing
    "AugMix": lambda: pixels(layers.AugMix()),
    "AutoContrast": lambda: pixels(layers.AutoContrast()),
    "CategoryEncoding": lambda: numbers(
        layers.CategoryEncoding(256, "multi_hot")
    ),
    "CenterCrop": lambda: pixels(layers.CenterCrop(32, 44)),
    "ContrastLimitedAdaptiveHistogramEqualization": lambda: pixels(
        layers.ContrastLimitedAdaptiveHistogramEqualization(
            tile_grid_size=(4, 4)
        )
    ),
    "CutMix": lambda: pixels(layers.CutMix()),
    "Discretization": lambda: numbers(
        layers.Discretization([64.5, 128.5, 200.5], output_mode="one_hot")
    ),
    "Equalization": lambda: pixels(layers.Equalization()),
    "MixUp": lambda: pixels(layers.MixUp()),
    "Normalization": lambda: pixels(
        layers.Normalization(
            mean=[110.0, 120.0, 130.0], variance=[900.0, 1000.0, 800.0]
        )
    ),
    "Pipeline": lambda: pixels(
        layers.Pipeline([layers.Rescaling(0.5), layers.RandomFlip()])
    ),
    "RandAugment": lambda: pixels(layers.RandAugment()),
    "RandomBrightness": lambda: pixels(layers.RandomBrightness(0.2)),
    "RandomColorDegeneration": lambda: pixels(
        layers.RandomColorDegeneration(0.5)
    ),
    "RandomColorJitter": lambda: pixels(
        layers.RandomColorJitter(brightness_factor=0.2)
    ),
    "RandomContrast": lambda: pixels(layers.RandomContrast(0.2)),
    "RandomCrop": lambda: pixels(layers.RandomCrop(32, 44)),
    "RandomElasticTransform": lambda: pixels(layers.RandomElasticTransform()),
    "RandomErasing": lambda: pixels(layers.RandomErasing()),
    "RandomFlip": lambda: pixels(layers.RandomFlip()),
    "RandomGaussianBlur": lambda: pixels(layers.RandomGaussianBlur()),
    "RandomGrayscale": lambda: pixels(layers.RandomGrayscale()),
    "RandomHue": lambda: pixels(layers.RandomHue(0.2)),
    "RandomInvert": lambda: pixels(layers.RandomInvert()),
    "RandomPerspective": lambda: pixels(layers.RandomPerspective()),
    "RandomPosterization": lambda: pixels(layers.RandomPosterization(4)),
    "RandomRotation": lambda: pixels(layers.RandomRotation(0.2)),
    "RandomSaturation": lambda: pixels(layers.RandomSaturation(0.2)),
    "RandomSharpness": lambda: pixels(layers.RandomSharpness(0.2)),
    "RandomShear": lambda: pixels(layers.RandomShear(0.2, 0.2)),
    "RandomTranslation": lambda: pixels(layers.RandomTranslation(0.2, 0.2)),
    "RandomZoom": lambda: pixels(layers.RandomZoom(0.2)),
    "Rescaling": lambda: pixels(layers.Rescaling(0.5, 3.0)),
    "Resizing": lambda: pixels(layers.Resizing(44, 40)),
    "Resizing(interpolation='nearest')": lambda: pixels(
        layers.Resizing(44, 40, "nearest")
    ),
    "Resizing(interpolation='bicubic')": lambda: pixels(
        layers.Resizing(44, 40, "bicubic")
    ),
    "Resizing(interpolation='lanczos3')": lambda: pixels(
        layers.Resizing(44, 40, "lanczos3")
    ),
    "Resizing(antialias=True)": lambda: pixels(
        layers.Resizing(20, 28, antialias=True)
    ),
    "Resizing(crop_to_aspect_ratio=True)": lambda: pixels(
        layers.Resizing(32, 32, crop_to_aspect_ratio=True)
    ),
    "Resizing(pad_to_aspect_ratio=True)": lambda: pixels(
        layers.Resizing(64, 64, pad_to_aspect_ratio=True)
    ),
    "Solarization": lambda: pixels(layers.Solarization(0.1, 0.5)),
    # regularization
    "ActivityRegularization": lambda: image(layers.ActivityRegularization()),
    "AlphaDropout": lambda: image(layers.AlphaDropout(0.2)),
    "Dropout": lambda: image(layers.Dropout(0.2)),
    "GaussianDropout": lambda: image(layers.GaussianDropout(0.2)),
    "GaussianNoise": lambda: image(layers.GaussianNoise(0.2)),
    "SpatialDropout1D": lambda: sequence(layers.SpatialDropout1D(0.2)),
    "SpatialDropout2D": lambda: image(layers.SpatialDropout2D(0.2)),
    "SpatialDropout3D": lambda: volume(layers.SpatialDropout3D(0.2)),
    # reshaping
    "Cropping1D": lambda: sequence(layers.Cropping1D((1, 2))),
    "Cropping2D": lambda: image(layers.Cropping2D(((1, 2), (0, 1)))),
    "Cropping3D": lambda: volume(layers.Cropping3D(1)),
    "Flatten": lambda: image(layers.Flatten()),
    "Permute": lambda: image(layers.Permute((2, 1, 3))),
    "RepeatVector": lambda: vector(layers.RepeatVector(ROWS * COLUMNS)),
    "Reshape": lambda: image(layers.Reshape((COLUMNS, ROWS, CHANNELS))),
    "UpSampling1D": lambda: sequence(layers.UpSampling1D(2)),
    "UpSampling2D": lambda: image(layers.UpSampling2D((2, 3))),
    "UpSampling2D(interpolation='bilinear')": lambda: image(
        layers.UpSampling2D((2, 3), interpolation="bilinear")
    ),
    "UpSampling2D(interpolation='bicubic')": lambda: image(
        layers.UpSampling2D((2, 3), interpolation="bicubic")
    ),
    "UpSampling2D(interpolation='lanczos3')": lambda: image(
        layers.UpSampling2D((2, 3), interpolation="lanczos3")
    ),
    "UpSampling3D": lambda: volume(layers.UpSampling3D(2)),
    "ZeroPadding1D": lambda: sequence(layers.ZeroPadding1D((1, 2))),
    "ZeroPadding2D": lambda: image(layers.ZeroPadding2D(((1, 2), (0, 1)))),
    "ZeroPadding3D": lambda: volume(layers.ZeroPadding3D(1)),
    # rnn
    "Bidirectional": lambda: sequence(
        layers.Bidirectional(layers.LSTM(4, return_sequences=True))
    ),
    "ConvLSTM1D": lambda: image(
        layers.ConvLSTM1D(4, 3, padding="same", return_sequences=True)
    ),
    "ConvLSTM2D": lambda: volume(
        layers.ConvLSTM2D(4, 3, padding="same", return_sequences=True)
    ),
    "ConvLSTM3D": lambda: volume(
        layers.ConvLSTM3D(2, 3, padding="same", return_sequences=True),
        (ROWS, COLUMNS, 2, 2, 2),
    ),
    "GRU": lambda: sequence(layers.GRU(8, return_sequences=True)),
    "GRU(return_sequences=False)": lambda: sequence(layers.GRU(8)),
    "GRUCell": lambda: sequence(
        layers.RNN(layers.GRUCell(8), return_sequences=True)
    ),
    "LSTM": lambda: sequence(layers.LSTM(8, return_sequences=True)),
    "LSTM(go_backwards=True, unroll=True)": lambda: image(
        layers.TimeDistributed(
            layers.LSTM(
                8, go_backwards=True, unroll=True, return_sequences=True
            )
        )
    ),
    "LSTMCell": lambda: sequence(
        layers.RNN(layers.LSTMCell(8), return_sequences=True)
    ),
    "RNN": lambda: sequence(layers.RNN(layers.SimpleRNNCell(8))),
    "SimpleRNN": lambda: sequence(layers.SimpleRNN(8, return_sequences=True)),
    "SimpleRNNCell": lambda: sequence(
        layers.RNN(layers.SimpleRNNCell(8), return_sequences=True)
    ),
    "StackedRNNCells": lambda: sequence(
        layers.RNN(
            layers.StackedRNNCells([layers.LSTMCell(8), layers.GRUCell(8)]),
            return_sequences=True,
        )
    ),
    "TimeDistributed": lambda: image(
        layers.TimeDistributed(layers.Conv1D(8, 3, padding="same"))
    ),
}
